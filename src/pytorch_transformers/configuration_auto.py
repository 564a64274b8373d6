"""The configurations of this module of the 1.x releases, as they are today."""

from transformers.models.auto.configuration_auto import *  # noqa: F403
