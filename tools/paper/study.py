"""``python -m loma_mm study``."""

import sys

from loma_mm.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['study', *sys.argv[1:]]))
