"""The script of this name, as a function and as a program."""

from transformers.models.openai.convert_openai_original_tf_checkpoint_to_pytorch import (
    convert_openai_checkpoint_to_pytorch,
)

__all__ = ["convert_openai_checkpoint_to_pytorch"]

if __name__ == "__main__":
    convert_openai_checkpoint_to_pytorch.main()
