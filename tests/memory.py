import ctypes
import mmap

import numpy as np


def guarded(size, at_end):
    """``size`` bytes, behind or before which no memory can be touched."""
    page = mmap.PAGESIZE
    pages = -(-size // page)
    memory = mmap.mmap(-1, (pages + 2) * page)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    for start in (0, pages + 1):
        assert not libc.mprotect(ctypes.c_void_p(address + start * page), page, 0)
    offset = page * (pages + 1) - size if at_end else page
    return np.frombuffer(memory, np.uint8, size, offset)
