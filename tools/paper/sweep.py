"""``python -m loma_mm sweep``."""

import sys

from loma_mm.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['sweep', *sys.argv[1:]]))
