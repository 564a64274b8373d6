"""What this module had in the 1.x releases is in
:mod:`transformers.models.gpt2.configuration_gpt2`,
:mod:`transformers.models.gpt2.modeling_gpt2`.
"""

from transformers.models.gpt2.configuration_gpt2 import *  # noqa: F403
from transformers.models.gpt2.modeling_gpt2 import *  # noqa: F403
