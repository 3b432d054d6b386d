"""``python -m loma_mm train``."""

import sys

from loma_mm.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['train', *sys.argv[1:]]))
