"""``python -m loma_mm draw-cam``."""

import sys

from loma_mm.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['draw-cam', *sys.argv[1:]]))
