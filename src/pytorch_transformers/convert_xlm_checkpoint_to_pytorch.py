"""The script of this name, as a function and as a program."""

from transformers.models.xlm.convert_xlm_original_pytorch_checkpoint_to_pytorch import (
    convert_xlm_checkpoint_to_pytorch,
)

__all__ = ["convert_xlm_checkpoint_to_pytorch"]

if __name__ == "__main__":
    convert_xlm_checkpoint_to_pytorch.main()
