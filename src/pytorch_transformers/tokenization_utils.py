"""The base classes of this module of the 1.x releases, as they are today."""

from transformers.tokenization_utils import *  # noqa: F403
