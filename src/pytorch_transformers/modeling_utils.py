"""What scripts took from this module in the 1.x releases."""

from transformers.configuration_utils import PretrainedConfig
from transformers.modeling_utils import PreTrainedModel

from .file_utils import CONFIG_NAME, TF_WEIGHTS_NAME, WEIGHTS_NAME

__all__ = ["CONFIG_NAME", "TF_WEIGHTS_NAME", "WEIGHTS_NAME", "PreTrainedModel", "PretrainedConfig"]
