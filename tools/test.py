"""``python -m loma_mm test``."""

import sys

from loma_mm.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['test', *sys.argv[1:]]))
