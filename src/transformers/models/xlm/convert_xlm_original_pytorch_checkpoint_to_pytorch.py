"""The ecosystem's name for :mod:`.convert_xlm_original_tf_checkpoint_to_pytorch`: XLM never was a TensorFlow model."""

from .convert_xlm_original_tf_checkpoint_to_pytorch import *  # noqa: F403
from .convert_xlm_original_tf_checkpoint_to_pytorch import FAMILY

__all__ = ["FAMILY"]
