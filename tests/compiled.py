"""A mark for tests of the compiled loops."""

import shutil

import pytest

from loma_mm.functional import image

# Where there is a compiler, loops that are not there are a failure.
can_be_compiled = image._compiled is not None or shutil.which('cc') is not None
needs_compiled = pytest.mark.skipif(
    not can_be_compiled, reason='there is no C compiler'
)
