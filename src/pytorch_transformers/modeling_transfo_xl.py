"""The models and their configurations of this module of the 1.x releases, as they are today."""

from transformers.models.transfo_xl.configuration_transfo_xl import *  # noqa: F403
from transformers.models.transfo_xl.modeling_transfo_xl import *  # noqa: F403

from .original_weights import load_tf_weights_in_transfo_xl  # noqa: F401
