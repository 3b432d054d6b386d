"""A mark for tests of the compiled loops."""

import shutil

import pytest

from loma_mm.functional import image

# Where there is a compiler, loops that are not there are a failure.
needs_compiled = pytest.mark.skipif(
    image._compiled is None and not shutil.which('cc'), reason='there is no C compiler'
)
