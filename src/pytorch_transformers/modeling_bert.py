"""The models and their configurations of this module of the 1.x releases, as they are today."""

from transformers.models.bert.configuration_bert import *  # noqa: F403
from transformers.models.bert.modeling_bert import *  # noqa: F403

from .original_weights import load_tf_weights_in_bert  # noqa: F401
