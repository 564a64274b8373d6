"""The tokenizers of this module of the 1.x releases, as they are today."""

from transformers.models.xlnet.tokenization_xlnet import *  # noqa: F403
