"""The models and their configurations of this module of the 1.x releases, as they are today."""

from transformers.models.xlnet.configuration_xlnet import *  # noqa: F403
from transformers.models.xlnet.modeling_xlnet import *  # noqa: F403
