"""The models and their configurations of this module of the 1.x releases, as they are today."""

from transformers.models.openai.configuration_openai import *  # noqa: F403
from transformers.models.openai.modeling_openai import *  # noqa: F403

from .original_weights import load_tf_weights_in_openai_gpt  # noqa: F401
