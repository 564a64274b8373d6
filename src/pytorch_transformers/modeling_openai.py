"""What this module had in the 1.x releases is in
:mod:`transformers.models.openai.configuration_openai`,
:mod:`transformers.models.openai.modeling_openai`.
"""

from transformers.models.openai.configuration_openai import *  # noqa: F403
from transformers.models.openai.modeling_openai import *  # noqa: F403
