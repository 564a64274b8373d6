"""The configurations of this module of the 1.x releases, as they are today."""

from transformers.models.transfo_xl.configuration_transfo_xl import *  # noqa: F403
