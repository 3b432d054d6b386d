"""``python -m loma_mm draw-loma``."""

import sys

from loma_mm.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['draw-loma', *sys.argv[1:]]))
