"""``python -m loma_mm tables``."""

import sys

from loma_mm.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['tables', *sys.argv[1:]]))
