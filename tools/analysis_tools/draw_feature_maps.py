"""``python -m loma_mm draw-feature-maps``."""

import sys

from loma_mm.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['draw-feature-maps', *sys.argv[1:]]))
