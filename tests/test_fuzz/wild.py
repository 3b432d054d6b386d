"""What nobody should pass, and images, maps and regions that anybody may."""

import datetime
import decimal
import fractions
import math
import sys

import numpy as np
import torch
from hypothesis import strategies as st

from loma_mm.functional import MagnificationRegion

SHAPES = ('rhombus', 'ellipse', 'rectangle')
LARGEST = sys.float_info.max
LEAST = 5e-324


class Odd:
    """An object of a class of its own."""

    def __repr__(self):
        return 'Odd()'


NUMBERS = (
    *(0, 1, -1, 2**31, 2**63, 2**64, -(2**63), 10**400, True, False),
    *(0.0, -0.0, 0.5, 1e-310, LEAST, 1e-200, 1e17, 1e200, LARGEST),
    *(math.nan, math.inf, -math.inf),
    *(np.int8(100), np.int16(200), np.uint8(3), np.uint8(0), np.int64(-7)),
    *(np.float16(0.1), np.float32(1e17), np.float64(0.25), np.bool_(True)),
    *(np.float32('nan'), np.longdouble(3), torch.tensor(0.5), torch.tensor(3)),
    *(fractions.Fraction(1, 3), decimal.Decimal('0.7'), decimal.Decimal('sNaN')),
)
OTHERS = (
    *(None, '', 'a', '0.5', 'rhombus', 'layer1', b'3', bytearray(b'3'), 1j, ...),
    *((), [], {}, set(), (1,), (0.1, 0.2), (3, 2, 1), [None, None], [[1, 2], [3, 4]]),
    *({'type': 'Odd'}, {'a': 1}, {1: 2}, range(2), iter(()), object(), Odd(), Odd),
    *(len, math, slice(3), NotImplemented, datetime.date(2020, 1, 1)),
    *(np.zeros(0), np.zeros(2), np.ones((2, 2)), np.array(0.5), np.array('a')),
    *(np.array([0.1, 0.3]), np.array([None, 1]), np.zeros(2, [('a', 'f4')])),
    *(np.datetime64('2020'), np.timedelta64(3, 's'), np.str_('a'), np.complex64(1)),
    *(torch.zeros(2), torch.zeros(1, 2), torch.zeros((), device='meta')),
    *(torch.tensor(1j), torch.ones(1, requires_grad=True), torch.float32),
    *(torch.nn.Identity(), torch.nn.Identity, np.float32, float, str),
)
numbers = (
    st.sampled_from(NUMBERS)
    | st.floats()
    | st.integers()
    | st.floats(0, 1)
    | st.integers(-3, 30)
)
pairs = st.tuples(numbers, numbers) | st.lists(numbers, max_size=4)
anything = st.one_of(
    numbers,
    pairs,
    st.sampled_from(OTHERS),
    st.text(max_size=5),
    st.recursive(
        st.sampled_from(OTHERS) | numbers,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=4), inner, max_size=2)
        ),
        max_leaves=4,
    ),
)

# Names of every kind of dtype, in both byte orders.
REAL = ('?', 'u1', 'i1', 'u2', 'i2', 'u4', 'i4', 'u8', 'i8', 'f2', 'f4', 'f8', 'g')
SWAPPED = ('>u2', '>i4', '>u8', '>f2', '>f4', '>f8')
NO_NUMBERS = ('c8', 'c16', 'O', 'S3', 'U2', 'V4', 'M8[s]', 'm8[D]', 'u1,f4')
SIZES = ((5000, 10), (10, 5000), (1, 5000), (300, 200))


def fill(dtype, size, seed):
    """Values of all of a dtype's range, now and then at its ends."""
    dtype = np.dtype(dtype)
    rng = np.random.default_rng(seed)
    if dtype.kind == 'f':
        img = rng.normal(0, 100, size).astype(dtype)
        some = rng.random(size)
        for value, share in ((np.inf, 0.02), (-np.inf, 0.04), (np.nan, 0.06)):
            if seed % 3 == 0:
                img[(share - 0.02 <= some) & (some < share)] = value
        return img
    raw = rng.integers(0, 256, (*size, dtype.itemsize), np.uint8)
    if dtype.kind == 'b':
        return raw[..., 0] > 127
    if dtype.kind == 'O':
        return raw[..., 0].astype(object)
    img = raw.view(dtype)[..., 0]
    if dtype.kind in 'ui' and seed % 4 == 0:
        ends = np.iinfo(dtype)
        img[rng.random(size) < 0.3] = ends.max
        img[rng.random(size) < 0.3] = ends.min
    return img


LAYOUTS = (
    lambda img: img,
    lambda img: img[::-1],
    lambda img: img[:, ::-1],
    lambda img: img[..., ::-1],
    lambda img: np.asfortranarray(img),
    lambda img: np.swapaxes(np.swapaxes(img, 0, 1).copy(), 0, 1),
    lambda img: np.repeat(img, 2, -1)[..., ::2],
    lambda img: np.repeat(np.repeat(img, 2, 0), 3, 1)[::2, ::3],
    lambda img: np.broadcast_to(img[:1], img.shape) if len(img) else img,
)


def unaligned(img):
    """The same values at an odd address."""
    memory = np.empty(img.nbytes + 1, np.uint8)
    out = memory[1:].view(img.dtype).reshape(img.shape)
    out[...] = img
    return out


@st.composite
def images(draw, dtypes=(*REAL, *SWAPPED)):
    """Real images, from 0 x 0 on, in all layouts, read-only half of the time."""
    size = draw(
        st.tuples(st.integers(0, 14), st.integers(0, 14))
        | st.tuples(st.integers(1, 40), st.integers(1, 3))
        | st.sampled_from(SIZES)
    )
    small = max(size) < 100
    channels = draw(st.sampled_from([(), (3,), (1,), (4,), (0,), (2,), (5,), (7,)]))
    dtype = draw(st.sampled_from(dtypes))
    img = fill(dtype, size + (channels if small else ()), draw(st.integers(0, 99)))
    img = draw(st.sampled_from(LAYOUTS))(img)
    if img.size and draw(st.integers(0, 9)) == 0:
        img = unaligned(img)
    if draw(st.booleans()):
        img = img.view()
        img.flags.writeable = False
    return img


# Anything that has a dtype, and things that have none.
no_images = st.one_of(
    anything,
    st.builds(
        lambda dtype, size: np.zeros(size, dtype),
        st.sampled_from(NO_NUMBERS),
        st.sampled_from([(4, 5), (0, 0), (3, 4, 3)]),
    ),
    st.builds(
        lambda dtype, size: np.zeros(size, dtype),
        st.sampled_from(REAL),
        st.sampled_from([(), (4,), (2, 3, 4, 5), (0,), (1, 1, 1, 1, 1)]),
    ),
    st.just(np.ma.zeros((3, 4), object)),
    st.just(np.ma.ones((3, 4))),
    st.just(np.zeros((4, 4), np.dtype('u1').newbyteorder()).tolist()),
)

positive = (
    st.floats(LEAST, LARGEST)
    | st.floats(0.1, 50)
    | st.floats(0.5, 3)
    | st.integers(1, 20)
)
coordinate = (
    st.integers(-3, 20) | st.floats(-3, 20) | st.floats(-1e15, 1e15) | st.just(LEAST)
)


@st.composite
def regions(draw):
    """Valid ones: near and far, tiny and huge."""
    center = draw(coordinate), draw(coordinate)
    radius = draw(positive)
    ratios = draw(st.just((1.0, 1.0)) | st.tuples(positive, positive))
    shape = draw(st.sampled_from(SHAPES))
    try:
        return MagnificationRegion(center, radius, ratios, shape)
    except ValueError as error:
        # What Eq 2 cannot say in float64 is refused.
        assert shape == 'ellipse' and 'ratios' in str(error)
        return MagnificationRegion(center, radius, ratios, 'rectangle')


usual_regions = st.builds(
    MagnificationRegion,
    st.tuples(st.integers(-2, 12), st.integers(-2, 12)),
    st.floats(0.5, 15),
    st.tuples(st.floats(0.5, 3), st.floats(0.5, 3)),
    st.sampled_from(SHAPES),
)
all_regions = regions() | usual_regions
no_regions = anything.filter(lambda value: value is not None) | st.just(None)

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
NO_FLOATS = (torch.int64, torch.uint8, torch.bool, torch.complex64)


@st.composite
def maps(draw, dims=(3, 4), dtypes=FLOATS):
    """Feature maps of any float dtype and layout, from no element on."""
    size = draw(
        st.tuples(st.integers(0, 3), st.integers(0, 3), *[st.integers(0, 9)] * 2)
    )
    x = torch.from_numpy(fill('f8', size, draw(st.integers(0, 99))))
    x = x.to(draw(st.sampled_from(dtypes)))
    layout = draw(st.integers(0, 3))
    if layout == 1:
        x = x.to(memory_format=torch.channels_last)
    elif layout == 2:
        x = x.repeat_interleave(2, -1)[..., ::2]
    elif layout == 3:
        x = x.transpose(-1, -2).contiguous().transpose(-1, -2)
    return x if draw(st.sampled_from(dims)) == 4 else x.flatten(0, 1)


no_maps = st.one_of(
    anything,
    st.builds(
        lambda dtype, size: torch.zeros(size, dtype=dtype),
        st.sampled_from(NO_FLOATS),
        st.sampled_from([(1, 2, 3, 4), (2, 3, 4)]),
    ),
    st.builds(torch.zeros, st.sampled_from([(), (3,), (2, 3), (1, 1, 1, 2, 2)])),
    st.just(np.zeros((1, 2, 3, 4), np.float32)),
    st.just(torch.zeros(2, 3).to_sparse()),
    st.just(torch.zeros(2, 3, 4, 5).to_sparse()),
    st.builds(lambda: torch.nested.nested_tensor([torch.zeros(3, 4, 5)] * 2)),
    st.just(torch.zeros(1, 2, 3, 4).to(torch.float8_e5m2)),
)
