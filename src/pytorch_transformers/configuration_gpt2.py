"""The configurations of this module of the 1.x releases, as they are today."""

from transformers.models.gpt2.configuration_gpt2 import *  # noqa: F403
