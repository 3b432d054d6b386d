import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from loma_mm.functional import MagnificationRegion
from tests.naive import in_region

regions = st.builds(
    MagnificationRegion,
    center=st.tuples(st.integers(-3, 30), st.integers(-3, 30)),
    radius=st.floats(0.1, 40),
    ratios=st.tuples(st.floats(0.3, 4), st.floats(0.3, 4)),
    shape=st.sampled_from(['rhombus', 'ellipse', 'rectangle']),
)


@given(regions, st.integers(0, 25), st.integers(0, 25))
def test_contains_is_the_norm_of_the_shape(region, x, y):
    assert region.contains(x, y) == in_region(
        x, y, region.center, region.radius, region.ratios, region.shape
    )


@given(regions, st.integers(1, 28), st.integers(1, 28))
def test_bounds_hold_all_of_s_and_little_more(region, width, height):
    y, x = np.mgrid[:height, :width]
    inside = region.contains(x, y)
    x_min, y_min, x_max, y_max = region.bounds(width, height)
    assert 0 <= x_min <= x_max <= width and 0 <= y_min <= y_max <= height
    outside = inside.copy()
    outside[y_min:y_max, x_min:x_max] = False
    assert not outside.any()
    # Unclipped, every side lies within two pixels of S's own extent.
    a_x, a_y = region.ratios
    power = 0.5 if region.shape == 'ellipse' else 1
    assert x_max - x_min <= 2 * region.radius / a_x**power + 3
    assert y_max - y_min <= 2 * region.radius / a_y**power + 3


@given(regions)
def test_target_inverts_source(region):
    y, x = np.mgrid[-5:30, -5:30]
    for points in (
        region.target(*region.source(x, y)),
        region.source(*region.target(x, y)),
    ):
        np.testing.assert_allclose(points[0], x, atol=1e-6)
        np.testing.assert_allclose(points[1], y, atol=1e-6)


@given(regions)
def test_numbers_arrays_and_tensors_agree(region):
    y, x = np.mgrid[0:9, 0:7]
    arrays = (region.contains(x, y), *region.source(x, y), *region.target(x, y))
    y_t, x_t = torch.from_numpy(y).double(), torch.from_numpy(x).double()
    tensors = (
        region.contains(x_t, y_t),
        *region.source(x_t, y_t),
        *region.target(x_t, y_t),
    )
    for array, tensor in zip(arrays, tensors):
        np.testing.assert_allclose(array, tensor.numpy(), atol=1e-12)
    assert region.source(3, 4)[0] == pytest.approx(arrays[1][4, 3])


@pytest.mark.parametrize('shape', ['rhombus', 'ellipse', 'rectangle'])
@pytest.mark.parametrize('dtype', ['u1', 'u2', 'u8', 'i1'])
def test_integers_without_a_sign(shape, dtype):
    """3 - 8 is no 251, wherever a pixel's number comes from."""
    region = MagnificationRegion((8, 9), 6, (1, 1.5), shape)
    numbers = np.arange(20.0)
    small = numbers.astype(dtype)
    expected = region.contains(numbers, numbers)
    assert 0 < expected.sum() < 20
    np.testing.assert_array_equal(region.contains(small, small), expected)
    assert [bool(region.contains(x, x)) for x in small] == expected.tolist()
    if dtype in ('u1', 'i1'):
        tensor = torch.from_numpy(small)
        np.testing.assert_array_equal(region.contains(tensor, tensor), expected)
    for method in (region.source, region.target):
        np.testing.assert_array_equal(method(small, small), method(numbers, numbers))


def test_a_point_at_the_radius_stays_and_the_centre_grows():
    region = MagnificationRegion((10, 10), 8, shape='ellipse')
    assert region.source(18, 10) == (18, 10)
    assert region.source(10, 10) == (10, 10)
    # d = 4 = r / 2: reads from half the distance, twofold magnification.
    assert region.source(14, 10) == (12, 10)


@pytest.mark.parametrize(
    'name, value',
    [
        ('radius', 0),
        ('radius', -1),
        ('radius', float('nan')),
        ('radius', float('inf')),
        ('ratios', (0, 1)),
        ('ratios', (1, -2)),
        ('ratios', (1,)),
        ('center', (1, 2, 3)),
        ('center', (float('nan'), 0)),
        ('shape', 'circle'),
    ],
)
def test_bad_arguments_are_named_with_their_value(name, value):
    arguments = dict(center=(3, 4), radius=2)
    with pytest.raises(ValueError, match=name) as error:
        MagnificationRegion(**{**arguments, name: value})
    assert repr(value) in str(error.value)


def test_is_frozen():
    region = MagnificationRegion((1, 2), 3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        region.radius = 4
