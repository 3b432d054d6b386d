"""``python -m loma_mm make-digits``."""

import sys

from loma_mm.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['make-digits', *sys.argv[1:]]))
