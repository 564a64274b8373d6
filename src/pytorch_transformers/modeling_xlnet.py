"""The models and their configurations of this module of the 1.x releases, as they are today."""

from transformers.models.xlnet.configuration_xlnet import *  # noqa: F403
from transformers.models.xlnet.modeling_xlnet import *  # noqa: F403

from .original_weights import load_tf_weights_in_xlnet  # noqa: F401
