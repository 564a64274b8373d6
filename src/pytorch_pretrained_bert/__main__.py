"""``python -m pytorch_pretrained_bert`` is the program ``pytorch_pretrained_bert``."""

import sys

from .command_line import main

if __name__ == "__main__":
    sys.exit(main())
