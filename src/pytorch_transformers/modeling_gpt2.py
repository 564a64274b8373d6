"""The models and their configurations of this module of the 1.x releases, as they are today."""

from transformers.models.gpt2.configuration_gpt2 import *  # noqa: F403
from transformers.models.gpt2.modeling_gpt2 import *  # noqa: F403

from .original_weights import load_tf_weights_in_gpt2  # noqa: F401
