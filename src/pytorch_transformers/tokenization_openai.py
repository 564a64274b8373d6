"""The tokenizers of this module of the 1.x releases, as they are today."""

from transformers.models.openai.tokenization_openai import *  # noqa: F403
