"""The script of this name, as a function and as a program."""

from transformers.models.transfo_xl.convert_transfo_xl_original_tf_checkpoint_to_pytorch import (
    convert_transfo_xl_checkpoint_to_pytorch,
)

__all__ = ["convert_transfo_xl_checkpoint_to_pytorch"]

if __name__ == "__main__":
    convert_transfo_xl_checkpoint_to_pytorch.main()
