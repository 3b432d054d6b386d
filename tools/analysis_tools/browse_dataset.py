"""``python -m loma_mm browse``."""

import sys

from loma_mm.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['browse', *sys.argv[1:]]))
