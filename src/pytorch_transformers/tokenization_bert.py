"""The tokenizers of this module of the 1.x releases, as they are today."""

from transformers.models.bert.tokenization_bert import *  # noqa: F403
