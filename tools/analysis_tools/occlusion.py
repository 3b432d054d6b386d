"""``python -m loma_mm occlusion``."""

import sys

from loma_mm.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['occlusion', *sys.argv[1:]]))
