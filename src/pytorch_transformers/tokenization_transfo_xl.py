"""What this module had in the 1.x releases is in
:mod:`transformers.models.transfo_xl.corpus`,
:mod:`transformers.models.transfo_xl.tokenization_transfo_xl`.
"""

from transformers.models.transfo_xl.corpus import *  # noqa: F403
from transformers.models.transfo_xl.tokenization_transfo_xl import *  # noqa: F403
