"""The tokenizers of this module of the 1.x releases, as they are today."""

from transformers.models.transfo_xl.corpus import *  # noqa: F403
from transformers.models.transfo_xl.tokenization_transfo_xl import *  # noqa: F403
