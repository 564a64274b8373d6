"""The models and their configurations of this module of the 1.x releases, as they are today."""

from transformers.models.xlm.configuration_xlm import *  # noqa: F403
from transformers.models.xlm.modeling_xlm import *  # noqa: F403
