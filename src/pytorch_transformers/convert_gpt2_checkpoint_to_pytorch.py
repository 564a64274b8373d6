"""The script of this name, as a function and as a program."""

from transformers.models.gpt2.convert_gpt2_original_tf_checkpoint_to_pytorch import (
    convert_gpt2_checkpoint_to_pytorch,
)

__all__ = ["convert_gpt2_checkpoint_to_pytorch"]

if __name__ == "__main__":
    convert_gpt2_checkpoint_to_pytorch.main()
