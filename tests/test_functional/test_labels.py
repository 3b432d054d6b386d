"""Boxes and points against brute force: paint, magnify, look."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loma_mm.checks import SHAPES
from loma_mm.functional import (
    MagnificationRegion,
    labels,
    magnify_boxes,
    magnify_image,
    magnify_points,
)
from tests import naive
from tests.compiled import needs_compiled

shapes = st.sampled_from(['rhombus', 'ellipse', 'rectangle'])


@st.composite
def regions(draw):
    """A size and a region as the transform may draw it or wilder."""
    height, width = draw(st.tuples(st.integers(1, 24), st.integers(1, 24)))
    whole = draw(st.booleans())
    number = st.integers if whole else st.floats
    region = MagnificationRegion(
        center=(draw(number(-2, width + 1)), draw(number(-2, height + 1))),
        radius=draw(st.floats(0.03, 1.5)) * max(height, width),
        ratios=draw(st.tuples(st.floats(0.3, 4), st.floats(0.3, 4))),
        shape=draw(shapes),
    )
    return height, width, region


def coordinates(count, special=True):
    """Rows of numbers in, at and beyond the borders of those sizes."""
    kinds = [st.floats(-6, 30), st.integers(-6, 30).map(float)]
    if special:
        kinds.append(st.sampled_from([math.nan, math.inf, -math.inf, 1e300]))
    row = st.tuples(*[st.one_of(kinds)] * count)
    return st.lists(row, max_size=6).map(
        lambda rows: np.array(rows, np.float64).reshape(-1, count)
    )


def brute_force(box, region, height, width):
    """The box by its definition, or None."""
    x1, y1, x2, y2 = box
    j, i = np.mgrid[:height, :width]
    # floor(x1) <= i is x1 < i + 1, ceil(x2) > i is x2 > i
    painting = (x1 < i + 1) & (x2 > i) & (y1 < j + 1) & (y2 > j)
    rows, columns = np.nonzero(magnify_image(painting, region))
    if not len(rows):
        return None
    new = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    rounded = [np.floor(x1), np.floor(y1), np.ceil(x2), np.ceil(y2)]
    return [b if n == r else n for n, r, b in zip(new, rounded, box)]


@given(regions(), coordinates(4))
def test_boxes_are_those_of_the_painting(case, boxes):
    height, width, region = case
    before = boxes.copy()
    new, kept = magnify_boxes(boxes, region, height, width)
    np.testing.assert_array_equal(boxes, before)
    assert new.shape == boxes.shape and new.dtype == np.float64
    assert kept.shape == (len(boxes),) and kept.dtype == bool
    for box, new_box, is_kept in zip(boxes, new, kept):
        expected = brute_force(box, region, height, width)
        assert is_kept == (expected is not None)
        np.testing.assert_array_equal(new_box, expected or [0, 0, 0, 0])


@given(regions(), coordinates(4), st.integers(0, 70))
def test_boxes_are_the_same_without_a_compiler(case, boxes, repeats):
    """More than a word has bits of them too."""
    height, width, region = case
    boxes = np.tile(boxes, (repeats, 1))
    new, kept = magnify_boxes(boxes, region, height, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labels, 'is_compiled', lambda: False)
        same, same_kept = magnify_boxes(boxes, region, height, width)
    np.testing.assert_array_equal(new, same)
    np.testing.assert_array_equal(kept, same_kept)


@given(regions(), st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_masks_and_maps_by_the_equations(case, seed, classes):
    """Each pixel of a dense label is its source's, whatever its type."""
    height, width, region = case
    label = np.random.default_rng(seed).integers(0, classes, (height, width))
    args = region.center, region.radius, region.ratios, region.shape
    expected = naive.magnify(label, *args)
    for dtype in (bool, np.uint8, np.int64, np.float32):
        moved = magnify_image(label.astype(dtype), region)
        np.testing.assert_array_equal(moved, expected.astype(dtype))


@needs_compiled
def test_what_the_compiled_boxes_refuse():
    loop = labels._compiled.magnify_boxes
    box, numbers = np.array([[1, 2, 5, 6]]), (4, 4, 3.0, 1.0, 1.0, 0, 8, 9)
    loop(box, np.empty_like(box), *numbers)
    for rows, out in (
        ([[1, 2, 10, 6]], box),
        ([[1, 2, 5, 9]], box),
        ([[-1, 2, 5, 6]], box),
        ([[5, 2, 1, 6]], box),
        ([[1.0, 2, 5, 6]], box),
        ([[1, 2, 5, 6]], np.empty((2, 4), int)),
        ([1, 2, 5, 6], np.empty(4, int)),
        ([[1, 2, 5]], np.empty((1, 3), int)),
    ):
        with pytest.raises(ValueError, match='within the image'):
            loop(np.array(rows), np.empty_like(out), *numbers)
    for size in ((0, 9), (8, -1), (8, 2**31)):
        with pytest.raises(ValueError, match='within the image'):
            loop(box[:0], box[:0].copy(), *numbers[:-2], *size)


@pytest.mark.parametrize('shape', ['rhombus', 'ellipse', 'rectangle'])
@pytest.mark.parametrize('ratios', [(1, 1), (1, 2.3), (0.4, 1), (0.5, 0.5)])
def test_boxes_of_a_photograph_s_size(shape, ratios):
    """More boxes than a word has bits, on images as detectors see them."""
    rng = np.random.default_rng(0)
    height, width = 75, 100
    corners = rng.uniform(-10, 110, (70, 2, 2))
    boxes = np.hstack([corners.min(1), corners.max(1)]).astype(np.float32)
    for _ in range(4):
        center = int(rng.integers(width)), int(rng.integers(height))
        region = MagnificationRegion(center, rng.uniform(3, 70), ratios, shape)
        new, kept = magnify_boxes(boxes, region, height, width)
        assert new.dtype == np.float32
        for box, new_box, is_kept in zip(boxes, new, kept):
            expected = brute_force(box, region, height, width)
            assert is_kept == (expected is not None)
            if is_kept:
                np.testing.assert_array_equal(new_box, np.float32(expected))


def test_boxes_against_the_equations_written_out():
    """No part of this package has a say in what is painted here."""
    rng = np.random.default_rng(1)
    height, width = 31, 42
    for shape in ('rhombus', 'ellipse', 'rectangle'):
        region = dict(center=(17, 12), radius=15.3, ratios=(1.0, 1.4), shape=shape)
        sources = naive.sources(height, width, **region)
        for _ in range(20):
            x1, x2 = sorted(rng.choice(width, 2, replace=False))
            y1, y2 = sorted(rng.choice(height, 2, replace=False))
            painted = [
                (x, y)
                for y in range(height)
                for x in range(width)
                for x_o, y_o in [sources.get((x, y), (x, y))]
                if x1 <= math.floor(x_o) < x2 and y1 <= math.floor(y_o) < y2
            ]
            new, kept = magnify_boxes(
                np.array([[x1, y1, x2, y2]]),
                MagnificationRegion(**region),
                height,
                width,
            )
            assert kept[0] == bool(painted)
            if painted:
                columns, rows = zip(*painted)
                assert new[0].tolist() == [
                    min(columns),
                    min(rows),
                    max(columns) + 1,
                    max(rows) + 1,
                ]


def test_a_side_on_its_own_old_pixel_keeps_its_fraction():
    region = MagnificationRegion((50, 50), 20)
    boxes = np.array([[10.25, 11.5, 47.75, 90.125], [1.5, 2.5, 3.5, 4.5]])
    new, kept = magnify_boxes(boxes, region, 100, 100)
    assert kept.all()
    assert new[0].tolist() == [10.25, 11.5, 47.75, 90.125]
    assert new[1].tolist() == boxes[1].tolist()
    # Left of the centre content moves left: that side lies on a new pixel.
    new, kept = magnify_boxes(np.array([[47.3, 0, 99.9, 50]]), region, 100, 100)
    assert new[0, 0] == np.floor(new[0, 0]) < 47 and new[0, 2] == 99.9


def test_a_box_can_vanish_and_degenerate_boxes_do():
    region = MagnificationRegion((50, 50), 30)
    boxes = np.array(
        [
            [75.0, 49.0, 77.0, 51.0],  # within S, near its border
            [5.0, 5.0, 5.0, 9.0],  # no pixel
            [9.0, 9.0, 5.0, 5.0],  # inverted
            [np.nan, 5.0, 9.0, 9.0],
            [5.0, 5.0, np.nan, 9.0],
            [-9.0, -9.0, -1.0, -1.0],  # outside the image
            [5.5, 5.5, 5.5, 5.5],  # one pixel, by its definition
            [-np.inf, -np.inf, np.inf, np.inf],
        ]
    )
    new, kept = magnify_boxes(boxes, region, 100, 100)
    assert kept.tolist() == [True, *[False] * 5, True, True]
    assert new[6].tolist() == [5.5] * 4
    assert new[7].tolist() == [0, 0, 100, 100]
    # What lies just inside the border of a rectangle is pushed out of it.
    corner = MagnificationRegion((50, 50), 30, (2.0, 2.0), 'rectangle')
    _, kept = magnify_boxes(np.array([[60, 49, 63, 52]]), corner, 100, 100)
    assert not kept[0]


def test_large_paintings_take_several_passes(monkeypatch):
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 60, (40, 2, 2))
    boxes = np.hstack([corners.min(1), corners.max(1)])
    region = MagnificationRegion((30, 20), 25)
    expected = magnify_boxes(boxes, region, 50, 60)
    monkeypatch.setattr(labels, 'is_compiled', lambda: False)
    for limit in (0, 50 * 60, 2 * 50 * 60):
        monkeypatch.setattr(labels, 'MAX_PAINTING_BYTES', limit)
        for one, other in zip(magnify_boxes(boxes, region, 50, 60), expected):
            np.testing.assert_array_equal(one, other)


@given(regions(), coordinates(2))
@example((1, 2, MagnificationRegion((0.0, 2.2250738585e-313), 2)), np.zeros((1, 2)))
def test_points_go_where_the_equation_says(case, points):
    height, width, region = case
    before = points.copy()
    new, visible = magnify_points(points, region, height, width)
    np.testing.assert_array_equal(points, before)
    assert new.shape == points.shape and visible.shape == (len(points),)
    (x_c, y_c), r = region.center, region.radius
    args = region.center, r, region.ratios, region.shape
    moves = bool(naive.sources(height, width, *args))
    for (x, y), (x_new, y_new), is_visible in zip(points, new, visible):
        if math.isnan(x) or math.isnan(y):
            assert not is_visible
            continue
        if not moves or not naive.in_region(x, y, *args):
            assert (x_new, y_new) == (x, y) and is_visible
            continue
        d = math.hypot(x - x_c, y - y_c)
        # Their quotient may be infinite, that of their roots is not.
        factor = math.sqrt(r) / math.sqrt(d) if d else 0
        x_t, y_t = x_c + (x - x_c) * factor, y_c + (y - y_c) * factor
        assert (x_new, y_new) == pytest.approx((x_t, y_t), rel=1e-9, abs=1e-9)
        borders = min(abs(x_t), abs(y_t), abs(x_t - width), abs(y_t - height))
        grown, shrunk = (
            naive.in_region(x_t, y_t, region.center, r * f, *args[2:])
            for f in (1 + 1e-9, 1 - 1e-9)
        )
        if grown == shrunk and borders > 1e-9:
            inside = 0 <= x_t < width and 0 <= y_t < height
            assert is_visible == (grown and inside)


def test_a_visible_point_shows_what_it_showed():
    """Paint a point's pixel and magnify: it is seen where the point goes."""
    rng = np.random.default_rng(0)
    seen = 0
    for shape in ('rhombus', 'ellipse', 'rectangle'):
        region = MagnificationRegion((40, 30), 28.0, (1.0, 1.3), shape)
        for point in rng.integers(0, 60, (60, 2)):
            painting = np.zeros((60, 80), bool)
            painting[point[1], point[0]] = True
            # in the middle of its pixel
            new, visible = magnify_points(point[None] + 0.5, region, 60, 80)
            rows, columns = np.nonzero(magnify_image(painting, region))
            if visible[0] and len(rows) and region.contains(*point):
                seen += 1
                x, y = new[0]
                assert columns.min() - 1 <= x <= columns.max() + 1
                assert rows.min() - 1 <= y <= rows.max() + 1
    assert seen > 30


@pytest.mark.parametrize('function, count', [(magnify_boxes, 4), (magnify_points, 2)])
def test_no_plain_arrays(function, count):
    values = np.array([[3, 3, 5, 6.5], [1, 2, 9, 4]])[:, :count]
    region = MagnificationRegion((4, 3), 3, shape='ellipse')
    expected = function(values, region, 8, 10)
    for kind in (np.matrix, np.recarray, np.memmap):
        for ours, theirs in zip(function(values.view(kind), region, 8, 10), expected):
            assert type(ours) is np.ndarray
            np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(TypeError, match='must be a NumPy array without a mask'):
        function(np.ma.masked_greater(values, 5), region, 8, 10)


@pytest.mark.parametrize('function, count', [(magnify_boxes, 4), (magnify_points, 2)])
@pytest.mark.parametrize('name', ['height', 'width'])
def test_sides_of_no_image(function, count, name):
    for side in (2**31, 2**63, 10**30, 10**400, 10**5000):
        sides = dict(height=8, width=10) | {name: side}
        with pytest.raises(ValueError, match=f'{name} must be a number of pixels'):
            function(np.ones((2, count)), MagnificationRegion((4, 3), 3), **sides)


@pytest.mark.parametrize('function, count', [(magnify_boxes, 4), (magnify_points, 2)])
def test_kinds_of_arrays(function, count):
    region = MagnificationRegion((5, 5), 4)
    new, mask = function(np.zeros((0, count), np.float32), region, 10, 10)
    assert new.shape == (0, count) and new.dtype == np.float32
    assert mask.shape == (0,) and mask.dtype == bool
    whole = np.array([[4, 3, 7, 8][:count]])
    np.testing.assert_array_equal(
        function(whole, region, 10, 10)[0], function(whole * 1.0, region, 10, 10)[0]
    )
    read_only = whole.astype(np.float32)
    read_only.flags.writeable = False
    out, _ = function(read_only, region, 10, 10)
    assert not np.shares_memory(out, read_only)
    name = function.__name__.split('_')[1]
    with pytest.raises(TypeError, match=f'{name}.*list'):
        function([[1.0] * count], region, 10, 10)
    with pytest.raises(TypeError, match='complex'):
        function(whole.astype(complex), region, 10, 10)
    with pytest.raises(ValueError, match=rf'\(N, {count}\).*\(1, 5\)'):
        function(np.zeros((1, 5)), region, 10, 10)


@pytest.mark.parametrize('shape', SHAPES)
def test_a_region_of_one_pixel_moves_no_point(shape):
    """As it leaves the image; one of two pixels moves the points within."""
    points = np.array([[4.3, 4.2], [4.0, 4.0], [4.9, 4.0], [6.0, 6.0]])
    one, two = MagnificationRegion((4, 4), 0.95, shape=shape), (4.4, 4.0)
    moved, visible = magnify_points(points, one, 9, 9)
    np.testing.assert_array_equal(moved, points)
    assert visible.all()
    moved, _ = magnify_points(points, MagnificationRegion(two, 0.95, shape=shape), 9, 9)
    assert (moved[0] != points[0]).any()


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('axis', [0, 1])
def test_points_that_arrive_at_a_border(shape, axis):
    """0 is within the image, W and H are not."""
    region = MagnificationRegion((4, 4), 8, shape=shape)
    points = np.full((2, 2), 4.0)
    # Of distance 2, which becomes that of 4: d * d / 8 = 2.
    points[:, axis] = 2, 6
    moved, visible = magnify_points(points, region, 8, 8)
    np.testing.assert_array_equal(moved[:, axis], [0, 8])
    assert visible.tolist() == [True, False]


@pytest.mark.parametrize('shape', SHAPES)
def test_where_a_region_has_two_pixels_its_points_move(shape):
    """The same rule as for the image, also where the centre is outside."""
    y, x = np.mgrid[:5, :4]
    pixels = np.column_stack([x.ravel(), y.ravel()]).astype(float)
    seen = set()
    for x_c, y_c in itertools.product((-1, -0.4, 0, 0.5, 3, 3.6, 4, 5), repeat=2):
        for radius, ratios in itertools.product((0.7, 1.05, 1.6), ((1, 1), (0.4, 1))):
            region = MagnificationRegion((x_c, y_c), radius, ratios, shape)
            two = region.contains(x, y).sum() > 1
            # Some pixel is not the centre, and moves.
            moved, _ = magnify_points(pixels, region, 5, 4)
            assert (moved != pixels).any() == two, region
            seen.add(bool(two))
    assert seen == {True, False}


@pytest.mark.parametrize('size', [(0, 0), (0, 7), (7, 0)])
@pytest.mark.parametrize('count', [0, 1, 3])
def test_an_image_without_pixels_shows_no_box(size, count):
    boxes = np.tile([1.0, 2, 5, 6], (count, 1))
    moved, kept = magnify_boxes(boxes, MagnificationRegion((2, 3), 4), *size)
    assert moved.shape == (count, 4) and not moved.any()
    assert kept.shape == (count,) and not kept.any()
