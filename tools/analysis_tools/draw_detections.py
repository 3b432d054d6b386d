"""``python -m loma_mm detect``."""

import sys

from loma_mm.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['detect', *sys.argv[1:]]))
