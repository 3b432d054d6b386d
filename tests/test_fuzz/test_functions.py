"""Every public function: right, or a ValueError or TypeError that names the argument.

Right is what ``exact`` says, a double loop that shares nothing with the code.
``make fuzz`` runs these thirty times as often as the suite does.
"""

import math
import operator

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from loma_mm.functional import (
    MagnificationRegion,
    magnify_batch,
    magnify_boxes,
    magnify_feature,
    magnify_image,
    magnify_points,
    offset_feature,
)
from tests.test_fuzz import exact, wild

INTERPOLATIONS = ('nearest', 'bilinear')
# Pixels that are looked at in images too large for a double loop.
LOOKED_AT = 60


def names(error, *arguments):
    """Whether an error says which argument is wrong."""
    return any(name in str(error) for name in arguments)


def some_pixels(region, height, width):
    """All pixels of a small image; of a large one some, and S's own."""
    if height * width <= 200:
        return [(x, y) for y in range(height) for x in range(width)]
    rng = np.random.default_rng(0)
    pixels = list(zip(rng.integers(width, size=40), rng.integers(height, size=40)))
    for _ in range(LOOKED_AT - len(pixels)):
        near = [
            min(max(round(c + rng.normal() * min(region.radius, size)), 0), size - 1)
            for c, size in zip(region.center, (width, height))
        ]
        pixels.append(tuple(near))
    return [(int(x), int(y)) for x, y in pixels]


def has_two_pixels(region, height, width):
    """Whether S holds two pixels; None where float64 cannot say."""
    # S is convex and symmetric: look around the pixel nearest to its centre.
    x, y = (
        min(max(round(c), 0), size - 1)
        for c, size in zip(region.center, (width, height))
    )
    near = [
        (i, j)
        for j in range(max(y - 1, 0), min(y + 2, height))
        for i in range(max(x - 1, 0), min(x + 2, width))
    ]
    found = exact.readings(region, height, width, near)
    sure = sum(not stays for stays, *_ in found.values())
    possible = sum(moves for _, moves, *_ in found.values())
    return True if sure > 1 else None if possible > 1 else False


def check_nearest(out, img, region):
    height, width = img.shape[:2]
    if not img.size:
        return
    two = has_two_pixels(region, height, width)
    pixels = some_pixels(region, height, width)
    for (x, y), (stays, moves, x_o, y_o) in exact.readings(
        region, height, width, pixels
    ).items():
        allowed = [img[y, x]] if stays or two is not True else []
        if moves and two is not False:
            allowed += [
                img[j, i]
                for j in exact.whole_between(y_o)
                for i in exact.whole_between(x_o)
            ]
        assert any(same(out[y, x], value) for value in allowed), (x, y)


def same(a, b):
    return np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == 'f')


def check_bilinear(out, img, region):
    height, width = img.shape[:2]
    if not img.size:
        return
    two = has_two_pixels(region, height, width)
    pixels = some_pixels(region, height, width)
    for (x, y), (stays, moves, x_o, y_o) in exact.readings(
        region, height, width, pixels
    ).items():
        if (stays or two is not True) and same(out[y, x], img[y, x]):
            continue
        assert moves and two is not False, (x, y)
        # Between the least and the most of what the four neighbours may be.
        rows = exact.whole_between(y_o), exact.whole_between(x_o)
        (j_0, *_, j_1), (i_0, *_, i_1) = ([r[0], r[-1]] for r in rows)
        part = img[j_0 : j_1 + 2, i_0 : i_1 + 2]
        low, high = part.min((0, 1)), part.max((0, 1))
        finite = np.isfinite(part.astype(np.float64)).all((0, 1))
        value = out[y, x]
        if img_is_float(img):
            # v (1 - w) + v w may be the next number after v.
            eps = 2 * np.finfo(img.dtype).eps
            with np.errstate(all='ignore'):
                low, high = low - abs(low) * eps, high + abs(high) * eps
        assert np.all(~finite | ((low <= value) & (value <= high))), (x, y)
        if i_0 == i_1 and j_0 == j_1 and part.size and finite.all():
            expected, slack = mean_of_four(part, x_o, y_o, i_0, j_0)
            ours = np.asarray(value, np.float64)
            assert np.all(abs(ours - expected) <= slack), (x, y)


def mean_of_four(part, x_o, y_o, i, j):
    """The bilinear mean, and by how much a result may differ from it."""
    w_x, w_y = (float(sum(b) / 2 - n) for b, n in ((x_o, i), (y_o, j)))
    unsure = float(max(x_o[1] - x_o[0], y_o[1] - y_o[0]))
    values = part.astype(np.float64)
    values = np.concatenate([values, values[-1:]])[:2]
    values = np.concatenate([values, values[:, -1:]], 1)[:, :2]
    rows = values[0] * (1 - w_y) + values[1] * w_y
    expected = rows[0] * (1 - w_x) + rows[1] * w_x
    largest = abs(values).max((0, 1))
    if img_is_float(part):
        slack = largest * (np.finfo(part.dtype).eps + 1e-15)
        slack = slack + np.finfo(part.dtype).smallest_subnormal
    else:
        slack = 0.5 + largest * 1e-15
    return expected, slack + largest * (1e-13 + 4 * unsure)


def img_is_float(img):
    return img.dtype.kind == 'f'


@given(wild.images(), wild.all_regions, st.sampled_from(INTERPOLATIONS))
def test_magnify_image(img, region, interpolation):
    before = img.copy()
    out = magnify_image(img, region, interpolation)
    assert out.shape == img.shape and out.dtype == img.dtype
    assert not np.shares_memory(out, img)
    assert same(img, before)
    check = check_nearest if interpolation == 'nearest' else check_bilinear
    check(out, img, region)


@given(st.data(), st.sampled_from(['img', 'region', 'interpolation']))
def test_magnify_image_refuses(data, wrong):
    arguments = dict(
        img=np.zeros((4, 5), np.uint8),
        region=MagnificationRegion((1, 1), 2),
        interpolation='nearest',
    )
    strategy = wild.no_images if wrong == 'img' else wild.anything
    arguments[wrong] = data.draw(strategy)
    try:
        out = magnify_image(**arguments)
    except (TypeError, ValueError) as error:
        assert names(error, wrong)
    else:
        assert out.shape == arguments['img'].shape


coordinates = st.one_of(
    st.floats(-6, 20),
    st.integers(-6, 20).map(float),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e300, wild.LEAST, -wild.LARGEST]),
)


def arrays(columns):
    """N rows of numbers, of any real dtype and layout."""

    def build(rows, dtype, layout):
        kind = np.dtype(dtype).kind
        values = np.array(rows, np.float64).reshape(-1, columns)
        if kind in 'ui':
            values = np.nan_to_num(values, nan=0, posinf=0, neginf=0).clip(0, 100)
        with np.errstate(over='ignore'):
            return wild.LAYOUTS[layout](values.astype(dtype))

    return st.builds(
        build,
        st.lists(st.tuples(*[coordinates] * columns), max_size=5),
        st.sampled_from([*wild.REAL[1:], *wild.SWAPPED]),
        st.sampled_from([0, 1, 4, 5]),
    )


sides = st.integers(0, 14)


@given(arrays(4), wild.all_regions, sides, sides)
def test_magnify_boxes(boxes, region, height, width):
    before = boxes.copy()
    new, kept = magnify_boxes(boxes, region, height, width)
    assert same(boxes, before) and not np.shares_memory(new, boxes)
    assert new.shape == boxes.shape and kept.shape == (len(boxes),)
    assert new.dtype == (boxes.dtype if boxes.dtype.kind == 'f' else np.float64)
    j, i = np.mgrid[:height, :width]
    for (x1, y1, x2, y2), box, is_kept in zip(boxes, new, kept):
        painting = (x1 < i + 1) & (x2 > i) & (y1 < j + 1) & (y2 > j)
        rows, columns = np.nonzero(magnify_image(painting, region))
        assert is_kept == bool(len(rows))
        tight = [0, 0, 0, 0]
        if is_kept:
            tight = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            old = np.floor(x1), np.floor(y1), np.ceil(x2), np.ceil(y2)
            tight = [
                b if n == o else n for n, o, b in zip(tight, old, (x1, y1, x2, y2))
            ]
        assert same(box, np.array(tight, new.dtype))


@given(arrays(2), wild.all_regions, sides, sides)
def test_magnify_points(points, region, height, width):
    before = points.copy()
    new, visible = magnify_points(points, region, height, width)
    assert same(points, before) and not np.shares_memory(new, points)
    assert new.shape == points.shape and visible.shape == (len(points),)
    assert visible.dtype == bool
    two = height * width and has_two_pixels(region, height, width)
    for point, moved, is_visible in zip(points.astype(np.float64), new, visible):
        if np.isnan(point).any():
            assert not is_visible
            continue
        far_away = max(map(abs, point)) > 1e150
        inside = all(map(math.isfinite, point)) and exact.contains_point(point, region)
        expected = [np.asarray(point).astype(new.dtype)]
        if two is not False and inside is not False:
            target = exact.target(point, region)
            # Squares of the least distances are 0.
            near = math.dist(point, region.center) < 1e-150
            # So are the greatest infinite, which puts such points at the centre.
            sure = two and inside and not near and not far_away
            expected = [target] if sure else [*expected, target]
            expected += [region.center] * far_away
        # Whatever the dtype, it is computed in float64.
        eps = max(np.finfo(new.dtype).eps, np.finfo(np.float64).eps)
        far = max(map(abs, (*region.center, 1.0)))
        with np.errstate(invalid='ignore', over='ignore'):
            assert any(
                same(moved, np.array(e).astype(new.dtype))
                or np.allclose(
                    moved.astype(float), e, rtol=4 * float(eps), atol=1e-12 * far
                )
                for e in expected
            ), (point, moved, expected)
        if is_visible and inside and two and not far_away:
            x, y = np.float64(moved)
            assert -1e-3 <= x <= width * 1.001 and -1e-3 <= y <= height * 1.001


def is_huge(value):
    try:
        # More than C counts are refused.
        return 5000 < operator.index(value) < 2**31
    except (TypeError, ValueError, RuntimeError):
        return False


@given(st.data(), st.sampled_from(['boxes', 'points', 'region', 'height', 'width']))
def test_boxes_and_points_refuse(data, wrong):
    function, first, columns = data.draw(
        st.sampled_from([(magnify_boxes, 'boxes', 4), (magnify_points, 'points', 2)])
    )
    assume(wrong not in ('boxes', 'points') or wrong == first)
    arguments = {
        first: np.ones((2, columns)),
        'region': MagnificationRegion((1, 1), 2),
        'height': 5,
        'width': 6,
    }
    value = data.draw(wild.no_images if wrong == first else wild.anything)
    # An image of 2^31 rows is no mistake, and takes all memory.
    assume(not (wrong in ('height', 'width') and is_huge(value)))
    arguments[wrong] = value
    try:
        new, mask = function(**arguments)
    except (TypeError, ValueError) as error:
        assert names(error, wrong)
    else:
        assert len(new) == len(mask) == len(arguments[first])


def as_maps(x):
    """Float64 maps (N, H, W)."""
    count = x.shape[:-2].numel()
    return x.detach().double().numpy().reshape(count, *x.shape[-2:])


@given(wild.maps(), wild.all_regions)
def test_magnify_feature(x, region):
    before = x.clone()
    out = magnify_feature(x.requires_grad_(), region)
    assert out.shape == x.shape and out.dtype == x.dtype
    x.requires_grad_(False)
    assert torch.equal(x.nan_to_num(), before.nan_to_num())
    weight = torch.ones_like(x)
    if out.requires_grad:
        out.backward(weight)
    check_nearest(
        np.moveaxis(as_maps(out), 0, -1), np.moveaxis(as_maps(x), 0, -1), region
    )


def index_map(x, region):
    cells = np.arange(x.shape[-1] * x.shape[-2]).reshape(x.shape[-2:])
    return magnify_image(cells, region).ravel()


@given(wild.maps(), wild.all_regions)
def test_magnify_feature_backward(x, region):
    x = x.nan_to_num(0, 1, -1).requires_grad_()
    out = magnify_feature(x, region)
    grad = torch.linspace(-1, 2, x.numel()).to(x.dtype).view(x.shape)
    (ours,) = torch.autograd.grad(out, x, grad)
    expected = np.zeros((x.shape[:-2].numel(), x.shape[-2] * x.shape[-1]))
    sources = as_maps(grad).reshape(expected.shape)
    for cell, read in enumerate(index_map(x, region)):
        expected[:, read] += sources[:, cell]
    # Sums of 81 numbers of at most 2, in float32 or better.
    torch.testing.assert_close(
        as_maps(ours).reshape(expected.shape),
        expected,
        rtol=torch.finfo(x.dtype).eps,
        atol=1e-4,
    )


offsets = (
    st.integers(-12, 12)
    | st.floats(-12, 12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([wild.LARGEST, wild.LEAST, -wild.LEAST, np.int8(-3), 0.5])
)


@given(wild.maps(), offsets, offsets, st.sampled_from(INTERPOLATIONS))
def test_offset_feature(x, tx, ty, interpolation):
    x = x.nan_to_num(0, 1, -1)
    before = x.clone()
    out = offset_feature(x.requires_grad_(), tx, ty, interpolation)
    assert out.shape == x.shape and out.dtype == x.dtype
    assert torch.equal(x, before)
    (grad,) = torch.autograd.grad(out.sum(), x)
    assert grad.shape == x.shape
    tx, ty = float(tx), float(ty)
    if interpolation == 'nearest':
        tx, ty = round(tx), round(ty)
    maps, moved = as_maps(x), as_maps(out)
    height, width = maps.shape[-2:]
    slack = 4 * torch.finfo(x.dtype).eps * (abs(maps).max() if maps.size else 0)
    for row in range(height):
        for column in range(width):
            expected = np.zeros(len(maps))
            for j in range(height):
                for i in range(width):
                    weight = max(0, 1 - abs(column - tx - i))
                    weight *= max(0, 1 - abs(row - ty - j))
                    expected += weight * maps[:, j, i]
            assert np.all(abs(moved[:, row, column] - expected) <= slack + 1e-30)


@given(st.data(), st.sampled_from(['x', 'region', 'tx', 'ty', 'interpolation']))
def test_feature_functions_refuse(data, wrong):
    moves = data.draw(st.booleans()) or wrong in ('tx', 'ty', 'interpolation')
    assume(not moves or wrong != 'region')
    function = offset_feature if moves else magnify_feature
    arguments = dict(x=torch.zeros(1, 2, 4, 5))
    if moves:
        arguments |= dict(tx=0.5, ty=-1, interpolation='bilinear')
    else:
        arguments |= dict(region=MagnificationRegion((1, 1), 2))
    arguments[wrong] = data.draw(wild.no_maps if wrong == 'x' else wild.anything)
    try:
        out = function(**arguments)
    except (TypeError, ValueError) as error:
        assert names(error, 'a feature map' if wrong == 'x' else wrong)
    else:
        assert out.shape == arguments['x'].shape


ANY_DTYPE = (*wild.FLOATS, *wild.NO_FLOATS, torch.int16, torch.int32, torch.complex128)


@pytest.mark.parametrize('path', ['compiled', 'any device'])
@given(data=st.data())
def test_magnify_batch(path, data):
    x = data.draw(wild.maps(dims=(4,), dtypes=ANY_DTYPE))
    count, _, height, width = x.shape
    regions = [data.draw(wild.all_regions | st.none()) for _ in range(count)]
    sizes = [
        (data.draw(st.integers(0, height)), data.draw(st.integers(0, width)))
        for _ in range(count)
    ]
    given_sizes = data.draw(st.booleans())
    if not given_sizes:
        sizes = [(height, width)] * count
    before = x.clone()
    with pytest.MonkeyPatch.context() as patch:
        if path == 'any device':
            patch.setattr('loma_mm.functional.batch.is_compiled', lambda: False)
        out = magnify_batch(x, regions, sizes if given_sizes else None)
    assert out.shape == x.shape and out.dtype == x.dtype
    same_bits(x, before)
    for image, moved, region, (h, w) in zip(x, out, regions, sizes):
        expected = image.clone()
        if region is not None and h and w:
            cells = np.arange(h * w).reshape(h, w)
            index = torch.from_numpy(magnify_image(cells, region)).flatten()
            part = image[:, :h, :w].flatten(1)[:, index].view(-1, h, w)
            expected[:, :h, :w] = part
        if path == 'compiled':
            same_bits(moved, expected)
        else:
            # torch's root or division may differ in the last bit.
            differ = (moved != expected) & (moved == moved)
            assert differ.any(0).sum() <= 2


def same_bits(a, b):
    assert a.shape == b.shape
    a, b = (torch.view_as_real(t) if t.is_complex() else t for t in (a, b))
    assert torch.equal(
        a.nan_to_num() if a.is_floating_point() else a,
        b.nan_to_num() if b.is_floating_point() else b,
    )


@given(st.data(), st.sampled_from(['x', 'regions', 'sizes']))
def test_magnify_batch_refuses(data, wrong):
    region = MagnificationRegion((1, 1), 2)
    arguments = dict(
        x=torch.zeros(2, 3, 4, 5), regions=[region, None], sizes=[(4, 5), (2, 3)]
    )
    value = data.draw(
        wild.no_maps
        if wrong == 'x'
        else wild.anything | st.lists(wild.anything, min_size=2, max_size=2)
    )
    arguments[wrong] = value
    try:
        out = magnify_batch(**arguments)
    except (TypeError, ValueError) as error:
        # No region and no size fits maps of another number.
        assert names(error, wrong) or (
            wrong == 'x' and names(error, 'regions', 'sizes')
        )
    else:
        assert out.shape == arguments['x'].shape


@given(st.data())
def test_region(data):
    arguments = dict(center=(3, 4), radius=2, ratios=(1, 2), shape='rhombus')
    for name in data.draw(st.sets(st.sampled_from(sorted(arguments)), max_size=3)):
        arguments[name] = data.draw(wild.pairs | wild.anything)
    try:
        region = MagnificationRegion(**arguments)
    except (TypeError, ValueError) as error:
        assert names(error, *arguments)
        return
    kept = (*region.center, region.radius, *region.ratios)
    assert all(type(n) in (int, float) and math.isfinite(n) for n in kept)
    assert region.shape in wild.SHAPES
    x_min, y_min, x_max, y_max = region.bounds(9, 7)
    assert 0 <= x_min <= x_max <= 9 and 0 <= y_min <= y_max <= 7
    inside = {(x, y) for y in range(7) for x in range(9) if region.contains(x, y)}
    assert all(x_min <= x < x_max and y_min <= y < y_max for x, y in inside)
    for (x, y), (stays, moves, *_) in exact.readings(
        region, 7, 9, [(x, y) for y in range(7) for x in range(9)]
    ).items():
        assert (x, y) not in inside if not moves else stays or (x, y) in inside
