"""``load_tf_weights_in_…(model, config, path)`` of the 1.x releases, which were one function for each family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytorch_pretrained_bert.file_utils import StrPath
from transformers.configuration_utils import PretrainedConfig

if TYPE_CHECKING:  # the function is there without torch, as every name of this package; a model is not
    from transformers.modeling_utils import PreTrainedModel


def load_original_weights(
    model: PreTrainedModel, config: PretrainedConfig, tf_checkpoint_path: StrPath
) -> PreTrainedModel:
    """Copies the weights of an original checkpoint into a model, and returns the model. TensorFlow is not needed.

    What the checkpoint does not have is newly initialised, and a warning names it.

    Args:
        model: The model.
        config: Its configuration.
        tf_checkpoint_path: The checkpoint: its prefix, one of its files, or its folder.

    Raises:
        UserError: The checkpoint cannot be read, or does not fit the configuration.
    """
    model.load_state_dict(type(model).from_pretrained(tf_checkpoint_path, config=config).state_dict())
    return model


load_tf_weights_in_bert = load_original_weights
load_tf_weights_in_gpt2 = load_original_weights
load_tf_weights_in_openai_gpt = load_original_weights
load_tf_weights_in_transfo_xl = load_original_weights
load_tf_weights_in_xlnet = load_original_weights
