"""``python -m loma_mm list-images``."""

import sys

from loma_mm.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['list-images', *sys.argv[1:]]))
