"""``python -m iale`` is the command ``iale``."""

import sys

from iale.cli import main

if __name__ == "__main__":
    sys.exit(main())
