import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from loma_mm.functional import MagnificationRegion, magnify_image
from tests import naive

DTYPES = (
    'bool',
    'uint8',
    'int16',
    'uint16',
    'int32',
    'int64',
    'float16',
    'float32',
    'float64',
)
shapes = st.sampled_from(['rhombus', 'ellipse', 'rectangle'])


@st.composite
def cases(draw):
    """An image, and a region as the transform may draw it or wilder."""
    size = draw(st.tuples(st.integers(1, 24), st.integers(1, 24)))
    channels = draw(st.sampled_from([(), (1,), (3,), (4,)]))
    dtype = draw(st.sampled_from(DTYPES))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    img = rng.integers(0, 2 if dtype == 'bool' else 256, size + channels).astype(dtype)
    if dtype.startswith('float'):
        img = (img / 7).astype(dtype)
    region = dict(
        center=(draw(st.integers(-2, size[1] + 1)), draw(st.integers(-2, size[0] + 1))),
        radius=draw(st.floats(0.03, 1.5)) * max(size),
        ratios=draw(st.tuples(st.floats(0.4, 4), st.floats(0.4, 4))),
        shape=draw(shapes),
    )
    return img, region


@given(cases())
def test_nearest_is_the_double_loop(case):
    img, region = case
    before = img.copy()
    out = magnify_image(img, MagnificationRegion(**region))
    expected = naive.magnify(img, **region)
    assert out.dtype == img.dtype and out.shape == img.shape
    assert not np.shares_memory(out, img)
    np.testing.assert_array_equal(img, before)
    # Where d / r * dx is a whole number, rounding in the last bit decides
    # between two neighbours; that is all that may differ.
    different = (out != expected).reshape(*img.shape[:2], -1).any(-1)
    for y, x in zip(*np.nonzero(different)):
        x_o, y_o = naive.sources(*img.shape[:2], **region)[x, y]
        assert min(abs(x_o - round(x_o)), abs(y_o - round(y_o))) < 1e-9


@given(cases())
def test_bilinear_is_the_double_loop(case):
    img, region = case
    out = magnify_image(img, MagnificationRegion(**region), interpolation='bilinear')
    expected = naive.magnify_bilinear(img, **region)
    assert out.dtype == img.dtype
    if img.dtype.kind == 'f':
        np.testing.assert_allclose(
            out, expected, rtol=2 * np.finfo(img.dtype).eps, atol=1e-6
        )
    else:
        # Rounded to the nearest value.
        assert abs(out - expected).max() <= 0.5 + 1e-9


def test_agrees_with_the_double_loop_on_paper_sized_images():
    rng = np.random.default_rng(0)
    total = wrong = 0
    for shape in ('rhombus', 'ellipse', 'rectangle'):
        for _ in range(6):
            height, width = rng.integers(40, 130, 2)
            img = rng.integers(0, 256, (height, width, 3), np.uint8)
            ratio = rng.uniform(1, 3)
            region = dict(
                center=(rng.integers(width), rng.integers(height)),
                radius=rng.uniform(0.03, 0.7) * max(height, width),
                ratios=(ratio, 1.0) if rng.random() > 0.5 else (1.0, ratio),
                shape=shape,
            )
            out = magnify_image(img, MagnificationRegion(**region))
            total += height * width
            wrong += (out != naive.magnify(img, **region)).any(-1).sum()
    assert wrong <= 1e-4 * total


@given(
    hnp.arrays(np.uint8, (13, 17, 3)), shapes, st.sampled_from(['nearest', 'bilinear'])
)
def test_layouts_and_read_only_arrays(img, shape, interpolation):
    region = MagnificationRegion((7, 5), 6.0, (1.0, 1.7), shape)
    expected = magnify_image(img, region, interpolation)
    wide = np.repeat(img, 2, axis=1)
    read_only = img.copy()
    read_only.flags.writeable = False
    for variant in (
        np.asfortranarray(img),
        wide[:, ::2],
        img[::-1].copy()[::-1],
        read_only,
        np.broadcast_to(img, (13, 17, 3)),
    ):
        np.testing.assert_array_equal(
            magnify_image(variant, region, interpolation), expected
        )


@pytest.mark.parametrize('radius', [0.5, 1.0])
def test_a_single_pixel_of_s_changes_nothing(radius):
    img = np.arange(49).reshape(7, 7)
    for center in ((3, 3), (0, 6), (3.4, 3.4)):
        out = magnify_image(img, MagnificationRegion(center, radius))
        np.testing.assert_array_equal(out, img)
        assert out is not img


def test_s_outside_the_image_changes_nothing():
    img = np.arange(49).reshape(7, 7)
    out = magnify_image(img, MagnificationRegion((30, 30), 5))
    np.testing.assert_array_equal(out, img)


def test_bad_input_is_explained():
    region = MagnificationRegion((1, 1), 2)
    with pytest.raises(TypeError, match='complex64'):
        magnify_image(np.zeros((4, 4), np.complex64), region)
    with pytest.raises(TypeError, match='list'):
        magnify_image([[1, 2]], region)
    with pytest.raises(ValueError, match=r'\(2, 3, 4, 5\)'):
        magnify_image(np.zeros((2, 3, 4, 5)), region)
    with pytest.raises(ValueError, match="interpolation.*'cubic'"):
        magnify_image(np.zeros((4, 4)), region, 'cubic')


@pytest.mark.parametrize('interpolation', ['nearest', 'bilinear'])
@pytest.mark.parametrize('compiled', [True, False])
def test_kinds_of_arrays(monkeypatch, interpolation, compiled):
    """What NumPy has beside plain arrays; of a matrix an index gives another one."""
    if not compiled:
        monkeypatch.setattr('loma_mm.functional.image._compiled', None)
    img = np.arange(60, dtype=np.uint8).reshape(6, 10)
    region = MagnificationRegion((4, 3), 3)
    expected = magnify_image(img, region, interpolation)
    for kind in (np.matrix, np.recarray, np.memmap):
        out = magnify_image(img.view(kind), region, interpolation)
        assert type(out) is np.ndarray
        np.testing.assert_array_equal(out, expected)
    # Its mask was lost, or mixed with what it hides.
    with pytest.raises(TypeError, match='img must be a NumPy array without a mask'):
        magnify_image(np.ma.masked_greater(img, 30), region, interpolation)
