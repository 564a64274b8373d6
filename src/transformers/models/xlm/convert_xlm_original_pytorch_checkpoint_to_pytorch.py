"""The ecosystem's name for :mod:`.convert_xlm_original_tf_checkpoint_to_pytorch`: XLM never was a TensorFlow model."""

from .convert_xlm_original_tf_checkpoint_to_pytorch import *  # noqa: F403
from .convert_xlm_original_tf_checkpoint_to_pytorch import FAMILY, convert_xlm_checkpoint_to_pytorch

__all__ = ["FAMILY", "convert_xlm_checkpoint_to_pytorch"]

if __name__ == "__main__":
    convert_xlm_checkpoint_to_pytorch.main()
