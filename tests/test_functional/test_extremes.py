"""Wild arguments: the right result, or an error that names the argument."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from loma_mm.functional import (
    MagnificationRegion,
    feature,
    image,
    magnify_batch,
    magnify_feature,
    magnify_image,
    magnify_points,
    offset_feature,
)
from tests import naive
from tests.test_fuzz.wild import regions

SHAPES = ('rhombus', 'ellipse', 'rectangle')
LARGEST = np.finfo(np.float64).max
wild = (
    st.floats()
    | st.integers()
    | st.sampled_from([5e-324, 1e-310, 1e-200, 1e17, 1e200, LARGEST, 10**400])
    | st.sampled_from([np.int8(100), np.int16(200), np.uint8(3), np.float32(1e17)])
    | st.sampled_from([None, 'a', '3', b'3', object(), 1j, np.zeros(2), True])
)
pairs = st.tuples(wild, wild) | wild | st.lists(wild, max_size=3)


@given(pairs, wild, pairs, st.sampled_from([*SHAPES, 'circle', None, 3, []]))
def test_constructor(center, radius, ratios, shape):
    try:
        region = MagnificationRegion(center, radius, ratios, shape)
    except (TypeError, ValueError) as error:
        assert str(error).split()[0] in ('center', 'radius', 'ratios', 'shape')
        return
    numbers = (*region.center, region.radius, *region.ratios)
    assert all(type(n) in (int, float) and math.isfinite(n) for n in numbers)


def test_numbers_of_torch():
    """Of a tensor with a gradient torch warns, and so fails the suite."""
    radius = torch.tensor(2.5, requires_grad=True)
    region = MagnificationRegion((torch.tensor(3), torch.tensor(4)), radius)
    assert region == MagnificationRegion((3, 4), 2.5)


@pytest.mark.parametrize('name', ['center', 'radius', 'ratios', 'shape'])
def test_what_python_does_not_write(name):
    """It refuses to write integers of more than 4,300 digits."""
    arguments = dict(center=(1, 1), radius=2, ratios=(1, 1), shape='rhombus')
    for value in (10**5000, (1, 10**5000), [10**5000] * 3):
        with pytest.raises(ValueError, match=f'^{name} must be'):
            MagnificationRegion(**(arguments | {name: value}))
    with pytest.raises(ValueError, match='tx and ty must be'):
        offset_feature(torch.zeros(1, 1, 2, 2), 10**5000, 0)
    # Nor does a message take pages.
    with pytest.raises(ValueError) as caught:
        MagnificationRegion(**(arguments | {name: [None] * 1000}))
    assert len(str(caught.value)) < 400


sizes = st.tuples(st.integers(0, 20), st.integers(0, 20)) | st.sampled_from(
    [(3, 2000), (2000, 3), (1, 700)]
)


@pytest.mark.parametrize('interpolation', ['nearest', 'bilinear'])
@given(
    region=regions(),
    size=sizes,
    dtype=st.sampled_from(['?', 'u1', 'u2', 'i8', 'u8', 'f2', 'f4', 'f8']),
)
def test_image_is_numpy_s_and_holds_nothing_new(interpolation, region, size, dtype):
    img = np.random.default_rng(0).integers(0, 2, size).astype(dtype)
    out = magnify_image(img, region, interpolation)
    assert out.shape == img.shape and out.dtype == img.dtype
    np.testing.assert_array_equal(out, image._magnify(img, region, interpolation))
    if img.size:
        assert img.min() <= out.min() and out.max() <= img.max()


@pytest.mark.parametrize('magnify', [magnify_image, image._magnify])
@pytest.mark.parametrize('dtype', ['int64', 'uint64'])
@pytest.mark.parametrize('end', ['min', 'max'])
@pytest.mark.parametrize('step', [0, 3001])
def test_integers_that_float64_rounds_stay_between_their_neighbours(
    magnify, dtype, end, step
):
    limit = getattr(np.iinfo(dtype), end)
    steps = np.random.default_rng(0).integers(1, 3000, (9, 9)).tolist()
    # At the centre, which stays, the smallest or largest of its neighbours, which
    # float64 cannot hold.
    steps[4][4] = step
    sign = 1 if end == 'min' else -1
    img = np.array([[limit + sign * s for s in row] for row in steps], dtype)
    if dtype == 'uint64' and end == 'min':
        img += np.uint64(2**53 + 1)
    region = MagnificationRegion((4, 4), 4.3, shape='ellipse')
    out = magnify(img, region, 'bilinear')
    assert (out != img).any()
    assert img.min() <= out.min() and out.max() <= img.max()
    assert out[4, 4] == img[4, 4]


class Other(torch.Tensor):
    """Goes the way of other devices."""


@given(regions(), sizes)
def test_feature_index_is_that_of_other_devices(region, size):
    x = torch.zeros(1, *size)
    height, width = size
    index = feature._source_index(region, x)
    assert index.shape == (height * width,) and index.dtype == torch.int64
    assert ((index >= 0) & (index < max(height * width, 1))).all()

    other = feature._source_index(region, x.as_subclass(Other))
    # NumPy and torch may round a root in the last bit otherwise.
    assert (index != other).sum() <= 0.01 * index.numel() + 1
    assert magnify_feature(x, region).shape == x.shape


def test_other_devices_count_in_float64():
    """In float32 some hundred of these cells read from their neighbours."""
    region = MagnificationRegion((310, 270), 333.3, (1.0, 1.7))
    cells = torch.arange(600 * 800, dtype=torch.float64).view(1, 600, 800)
    expected = magnify_feature(cells, region)
    x_o, y_o = region.source(*np.meshgrid(np.arange(800.0), np.arange(600.0)))
    # Where rounding in the last bit decides.
    near = (abs(x_o - x_o.round()) < 1e-9) | (abs(y_o - y_o.round()) < 1e-9)
    for out in (
        magnify_feature(cells.as_subclass(Other), region),
        magnify_batch(cells[None].as_subclass(Other), [region])[0],
    ):
        assert not ((out != expected)[0].numpy() & ~near).any()


def test_a_quotient_that_overflows():
    """d / r is infinite: once an index that was not a number."""
    # At a corner, a pixel, and in between; each has loops of its own in C.
    for center, size, interpolation in itertools.product(
        ((0, 0), (3, 4), (3, 4.5)),
        ((18, 7), (7, 18), (18, 7, 3)),
        ('nearest', 'bilinear'),
    ):
        region = MagnificationRegion(center, 1.255e-321, (5e-324, 5e-324), 'rectangle')
        img = np.random.default_rng(0).integers(0, 256, size, np.uint8)
        out = magnify_image(img, region, interpolation)
        np.testing.assert_array_equal(out, image._magnify(img, region, interpolation))
        # Straight above and below the centre, the column stays.
        assert out[-1, 3].tolist() == img[-1, 3].tolist() or center == (0, 0)
        planes = torch.from_numpy(np.atleast_3d(img).transpose(2, 0, 1).copy())[None]
        nearest = image._magnify(np.atleast_3d(img), region, 'nearest')
        for kind in (torch.Tensor, Other):
            (moved,) = magnify_batch(planes.as_subclass(kind), [region])
            np.testing.assert_array_equal(moved.permute(1, 2, 0).numpy(), nearest)


@pytest.mark.parametrize('dtype', ['int8', 'int32', 'int64', 'uint64', 'uint8'])
def test_bilinear_keeps_a_constant_image_at_the_ends_of_its_dtype(dtype):
    region = MagnificationRegion((6, 7), 9.5)
    for value in (np.iinfo(dtype).min, np.iinfo(dtype).max):
        img = np.full((14, 13, 2), value, dtype)
        np.testing.assert_array_equal(magnify_image(img, region, 'bilinear'), img)


@pytest.mark.parametrize('dtype', ['float16', 'float32', 'float64'])
def test_bilinear_spreads_no_infinity_of_weight_0(dtype):
    rng = np.random.default_rng(0)
    region = dict(center=(10, 10), radius=8.0, ratios=(1.0, 1.0), shape='ellipse')
    for x, y in ((10, 10), (11, 10), (10, 12), (13, 14)):
        img = rng.random((20, 21)).astype(dtype)
        img[y, x] = np.inf
        out = magnify_image(img, MagnificationRegion(**region), 'bilinear')
        expected = naive.magnify_bilinear(img, **region)
        np.testing.assert_array_equal(np.isfinite(out), np.isfinite(expected))
        assert not np.isnan(out).any()


@pytest.mark.parametrize('shape', SHAPES)
def test_small_integers_do_not_wrap_around(shape):
    small = MagnificationRegion(
        (np.int8(100), np.uint8(9)), np.int16(200), (np.uint8(3), np.int8(1)), shape
    )
    plain = MagnificationRegion((100, 9), 200, (3, 1), shape)
    y, x = np.mgrid[:300, :400]
    np.testing.assert_array_equal(small.contains(x, y), plain.contains(x, y))
    img = np.random.default_rng(0).integers(0, 256, (300, 400), np.uint8)
    maps = torch.rand(1, 300, 400, dtype=torch.float64)
    for function in (
        lambda region: magnify_image(img, region),
        lambda region: image._magnify(img, region, 'bilinear'),
        lambda region: magnify_feature(maps, region).numpy(),
    ):
        np.testing.assert_array_equal(function(small), function(plain))
    numbers = (*small.center, small.radius, *small.ratios)
    assert [type(n) for n in numbers] == [float] * 5


@pytest.mark.parametrize(
    'radius, ratios', [(1.4e154, (1.0, 7.5e300)), (1e-160, (1e-300, 1.0))]
)
def test_an_ellipse_beyond_float64_is_refused(radius, ratios):
    """Both sides of Eq 2 would overflow, or be 0: once all but a line of S."""
    with pytest.raises(ValueError, match='ratios must be within 1e-250 and 1e250'):
        MagnificationRegion((0, 0), radius, ratios, 'ellipse')
    MagnificationRegion((0, 0), radius, ratios, 'rhombus')


def test_bounds_of_huge_radii():
    for radius in (np.float32(1e17), 1e300, LARGEST):
        for shape in SHAPES:
            region = MagnificationRegion((3, 4), radius, (0.5, 1e-300), shape)
            assert region.bounds(70, 80) == (0, 0, 70, 80)


def test_bounds_hold_pixels_that_rounding_lets_in():
    """a * k < r, though r / a in float64 is no more than k."""
    found = 0
    for a in np.arange(1, 400) / 100:
        for k in range(1, 60):
            r = math.nextafter(a * k, math.inf)
            if r / a > k:
                continue
            found += 1
            region = MagnificationRegion((100, 100), r, (a, a), 'rectangle')
            inside = [x for x in range(201) if region.contains(x, 100)]
            x_min, _, x_max, _ = region.bounds(201, 201)
            assert x_min <= inside[0] and inside[-1] < x_max
            assert inside[0] == 100 - k
    assert found > 100


@pytest.mark.parametrize('region', [None, 'rhombus', (1, 2), object()])
def test_a_region_that_is_none(region):
    with pytest.raises(TypeError, match='region must be a MagnificationRegion'):
        magnify_image(np.zeros((4, 4)), region)
    with pytest.raises(TypeError, match='region must be a MagnificationRegion'):
        magnify_feature(torch.zeros(1, 4, 4), region)


@pytest.mark.parametrize('dtype', [object, 'U3', 'M8[s]', 'm8[s]', 'V3', [('a', 'f4')]])
def test_dtypes_that_are_no_numbers(dtype):
    with pytest.raises(TypeError, match='img must be'):
        magnify_image(np.zeros((4, 4), dtype), MagnificationRegion((1, 1), 2))


def test_empty_images_and_maps():
    region = MagnificationRegion((1, 1), 3)
    for size in ((0, 0), (0, 5), (5, 0), (5, 4, 0), (0, 0, 3)):
        assert magnify_image(np.zeros(size, np.uint8), region).shape == size
    for size in ((0, 2, 3, 4), (2, 0, 3, 4), (2, 2, 0, 4), (2, 2, 4, 0), (2, 0, 0)):
        x = torch.zeros(size, requires_grad=True)
        for function in (
            lambda x: magnify_feature(x, region),
            lambda x: offset_feature(x, 0.5, 1),
        ):
            out = function(x)
            assert out.shape == size
            out.sum().backward()


@pytest.mark.parametrize('bad', [None, 'a', '1', [1], 10**400, 1j])
def test_offsets_that_are_no_numbers(bad):
    with pytest.raises(ValueError, match='tx and ty must be finite'):
        offset_feature(torch.zeros(1, 4, 4), bad, 0)


def test_the_boundary_is_outside():
    """Eqs 1 and 2 are strict: 3-4-5 lies at the radius, not in it."""
    for region, point in (
        (MagnificationRegion((0, 0), 5, shape='ellipse'), (3, 4)),
        # There a pixel at the radius reads from another one.
        (MagnificationRegion((0, 0), 10, (4, 1), shape='ellipse'), (3, 8)),
        (MagnificationRegion((0, 0), 7, shape='rhombus'), (3, 4)),
        (MagnificationRegion((0, 0), 4, shape='rectangle'), (3, 4)),
    ):
        assert not region.contains(*point)
        assert region.contains(point[0], point[1] - 1)
        img = np.arange(400).reshape(20, 20)
        for interpolation in ('nearest', 'bilinear'):
            out = magnify_image(img, region, interpolation)
            assert out[point[1], point[0]] == img[point[1], point[0]]


def test_two_pixels_are_enough():
    """One pixel alone stays, two are magnified; in both spaces."""
    img = np.arange(25.0).reshape(5, 5)
    x = torch.from_numpy(img)[None]
    # S is (0, 2) alone, whose source is another pixel; then (0, 2) and (1, 2).
    alone = MagnificationRegion((-1, 2), 0.45, (0.4, 1.0))
    two = MagnificationRegion((-1, 2), 0.9, (0.4, 1.0))
    for region, count in ((alone, 1), (two, 2)):
        y, xs = np.mgrid[:5, :5]
        assert region.contains(xs, y).sum() == count
        for interpolation in ('nearest', 'bilinear'):
            # In C, and in NumPy.
            for magnify in (magnify_image, image._magnify):
                out = magnify(img, region, interpolation)
                assert (out != img).any() == (count > 1)

        for kind in (torch.Tensor, Other):
            index = feature._source_index(region, x.as_subclass(kind))
            assert (index != torch.arange(25)).any() == (count > 1)
            (out,) = magnify_batch(x[None].as_subclass(kind), [region])
            assert (out != x).any() == (count > 1)


def test_a_point_beside_the_centre_of_the_largest_region_has_a_target():
    """r / d_o is infinite there, and its product with 0 no number."""
    region = MagnificationRegion((0, 0.25), 6e307)
    new, visible = magnify_points(np.zeros((1, 2)), region, 1, 2)
    assert not visible.any()
    np.testing.assert_allclose(new, [[0, 0.25 - 6e307**0.5 / 0.25**0.5 * 0.25]])
