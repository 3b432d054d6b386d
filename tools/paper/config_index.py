"""``python -m loma_mm config-index``."""

import sys

from loma_mm.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['config-index', *sys.argv[1:]]))
