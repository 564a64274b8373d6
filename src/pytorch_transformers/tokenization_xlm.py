"""The tokenizers of this module of the 1.x releases, as they are today."""

from transformers.models.xlm.tokenization_xlm import *  # noqa: F403
