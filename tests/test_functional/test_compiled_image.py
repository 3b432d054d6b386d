"""The compiled loop, against NumPy's float64 and the limits of memory."""

import shutil
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loma_mm.functional import MagnificationRegion, image
from tests.memory import guarded

if image._compiled is None and not shutil.which('cc'):
    pytest.skip('there is no compiler', allow_module_level=True)

LAYOUTS = {
    'contiguous': lambda img: img,
    'flipped horizontally': lambda img: img[:, ::-1],
    'flipped vertically': lambda img: img[::-1],
    'flipped twice': lambda img: img[::-1, ::-1],
    'cropped': lambda img: np.pad(img, [(2, 3), (1, 4)] + [(0, 0)] * (img.ndim - 2))[
        2:-3, 1:-4
    ],
    'transposed': lambda img: np.swapaxes(img, 0, 1).copy().swapaxes(0, 1),
    'channels first': lambda img: np.asfortranarray(img),
    'other channel order': lambda img: img[..., ::-1],
}


def test_it_is_compiled_in_this_environment():
    assert image._compiled is not None


@st.composite
def cases(draw):
    height, width = draw(st.tuples(st.integers(1, 90), st.integers(1, 700)))
    pixel = draw(
        st.sampled_from(
            [
                ('u1', ()),
                ('u1', (1,)),
                ('u1', (3,)),
                ('u1', (4,)),
                ('u2', ()),
                ('>u2', (3,)),
                ('f4', (3,)),
                ('f8', (3,)),
                ('i8', (5,)),
            ]
        )
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    img = rng.integers(0, 256, (height, width) + pixel[1]).astype(pixel[0])
    coordinate = [
        st.integers(0, size - 1) | st.integers(-9, size + 9) | st.floats(-9, size + 9)
        for size in (width, height)
    ]
    radius = draw(
        st.floats(0.03, 0.7).map(lambda part: part * max(height, width))
        | st.integers(1, 60)
        | st.floats(0.1, 5000)
    )
    ratio = st.just(1.0) | st.floats(1, 3) | st.floats(0.01, 20)
    region = MagnificationRegion(
        center=tuple(map(draw, coordinate)),
        radius=radius,
        ratios=(draw(ratio), draw(ratio)),
        shape=draw(st.sampled_from(['rhombus', 'ellipse', 'rectangle'])),
    )
    return img, region, draw(st.sampled_from(sorted(LAYOUTS)))


@given(cases(), st.sampled_from(image.INTERPOLATIONS))
def test_every_bit_is_that_of_numpy(case, interpolation):
    img, region, layout = case
    img = LAYOUTS[layout](img)
    expected = image._magnify(img, region, interpolation)
    out = image.magnify_image(img, region, interpolation)
    assert out.dtype == img.dtype and out.flags.c_contiguous
    np.testing.assert_array_equal(out, expected)


def test_every_bit_is_that_of_numpy_where_rounding_decides():
    # Pythagorean triples: many sources are whole numbers.
    rng = np.random.default_rng(0)
    img = rng.integers(0, 256, (240, 240, 3), np.uint8)
    for radius in (25, 50, 60, 65, 75, 100, 100.00000001, 99.99999999):
        for shape in ('rhombus', 'ellipse', 'rectangle'):
            region = MagnificationRegion((119, 121), radius, shape=shape)
            np.testing.assert_array_equal(
                image.magnify_image(img, region), image._magnify(img, region, 'nearest')
            )


def test_rows_of_s_where_its_reach_rounds_to_its_edge():
    # S has the rows at y_c - 7 and y_c + 7, by one part of 10^16.
    region = MagnificationRegion((4, 900), np.nextafter(14, 15), (1, 4), 'ellipse')
    img = np.random.default_rng(0).integers(0, 256, (1000, 9), np.uint8)
    expected = image._magnify(img, region, 'nearest')
    changed = np.flatnonzero((expected != img).any(axis=1))
    assert (changed[0], changed[-1]) == (893, 907)
    np.testing.assert_array_equal(image.magnify_image(img, region), expected)


@pytest.mark.parametrize('layout', ['contiguous', 'flipped twice'])
def test_pixels_of_every_size_in_bytes(layout):
    rng = np.random.default_rng(0)
    region = MagnificationRegion((9, 7), 8.5, (1, 1.4))
    for size in range(1, 42):
        img = LAYOUTS[layout](rng.integers(0, 256, (16, 20, size), np.uint8))
        expected = image._magnify(img, region, 'nearest')
        assert (expected != img).any()
        np.testing.assert_array_equal(image.magnify_image(img, region), expected)


def test_what_the_loop_cannot_address_goes_through_numpy():
    # Two rows 2 GiB apart, of which only two pages are ever touched.
    img = np.zeros((2, 1 << 31), np.uint8)[:, :9]
    img[:] = np.arange(18).reshape(2, 9)
    # Or two columns.
    for view, center in ((img, (4, 0)), (img.T, (0, 4))):
        region = MagnificationRegion(center, 4)
        assert not image._compiled.magnify(
            view, np.empty(view.shape, 'u1'), *center, 4, 1, 1, 0, 0
        )
        expected = image._magnify(view.copy(), region, 'nearest')
        assert (expected != view).any()
        np.testing.assert_array_equal(image.magnify_image(view, region), expected)


@pytest.mark.skipif(sys.platform != 'linux', reason='uses mprotect')
@pytest.mark.parametrize('at_end', [True, False])
@pytest.mark.parametrize('flip', [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_no_byte_outside_the_arrays_is_touched(at_end, flip):
    rng = np.random.default_rng(0)
    for height, width, dtype in (
        (7, 9, 'u1'),
        (1, 40, 'u1'),
        (30, 1, 'u2'),
        (40, 50, 'u1'),
        (40, 50, 'u2'),
    ):
        shape = (height, width, 3)
        size = height * width * 3 * np.dtype(dtype).itemsize
        img = guarded(size, at_end).view(dtype).reshape(shape)
        out = guarded(size, at_end).view(dtype).reshape(shape)
        img[:] = rng.integers(0, 256, shape)
        view = img[:: flip[0], :: flip[1]]
        for i in range(200):
            # Corners, and radii that a pixel of S lies as good as at.
            center = rng.integers(width), rng.integers(height)
            if i % 4 == 0:
                center = (rng.choice([0, width - 1]), rng.choice([0, height - 1]))
            radius = rng.choice(
                [
                    rng.uniform(0.03, 0.7) * max(height, width),
                    rng.integers(1, 40) * (1 + 1e-9),
                ]
            )
            shape_index = i % 3
            ratio = rng.choice([1, rng.uniform(1, 3), rng.uniform(0.2, 1)])
            interpolation = i // 3 % 2
            assert image._compiled.magnify(
                view, out, *center, radius, ratio, 1, shape_index, interpolation
            )
            region = MagnificationRegion(
                tuple(map(int, center)),
                float(radius),
                (float(ratio), 1.0),
                ('rhombus', 'ellipse', 'rectangle')[shape_index],
            )
            np.testing.assert_array_equal(
                out, image._magnify(view, region, image.INTERPOLATIONS[interpolation])
            )


@pytest.mark.parametrize('out', [(9, 8, 3), (8, 9), (8, 9, 4)])
def test_a_wrong_call_is_an_error(out):
    img = np.zeros((8, 9, 3), np.uint8)
    arguments = (4.0, 4.0, 3.0, 1.0, 1.0, 0, 0)
    with pytest.raises(ValueError, match='img and out must have one shape'):
        image._compiled.magnify(img, np.zeros(out, np.uint8), *arguments)
    with pytest.raises(ValueError, match='itemsize'):
        image._compiled.magnify(img, np.zeros(img.shape, 'u2'), *arguments)
    read_only = np.zeros_like(img)
    read_only.flags.writeable = False
    with pytest.raises((BufferError, ValueError)):
        image._compiled.magnify(img, read_only, *arguments)
    with pytest.raises(TypeError):
        image._compiled.magnify(None, img, *arguments)


def test_channels_that_are_not_adjacent_are_copied_first(monkeypatch):
    img = np.random.default_rng(0).integers(0, 256, (9, 9, 6), np.uint8)[..., ::2]
    out = np.zeros(img.shape, np.uint8)
    assert not image._compiled.magnify(img, out, 4, 4, 4, 1, 1, 0, 0)
    assert not out.any()
    region = MagnificationRegion((4, 4), 4)
    expected = image._magnify(img, region, 'nearest')
    monkeypatch.setattr(image, '_magnify', lambda *_: pytest.fail('not compiled'))
    np.testing.assert_array_equal(image.magnify_image(img, region), expected)
