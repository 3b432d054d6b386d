"""LOMA_F and FO against a double loop, grid_sample and finite differences."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from loma_mm.functional import (
    MagnificationRegion,
    feature,
    magnify_feature,
    offset_feature,
)
from tests import naive

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
LAYOUTS = {
    'contiguous': lambda x: x,
    'channels_last': lambda x: x.to(memory_format=torch.channels_last),
    'transposed': lambda x: x.mT.contiguous().mT,
    'strided': lambda x: x.repeat_interleave(2, -1)[..., ::2],
    'expanded': lambda x: x[:1, :1].expand(x.shape),
}
SPREAD = dict(center=(3, 2), radius=4.5, ratios=(1.0, 1.3), shape='rhombus')
sizes = st.tuples(
    st.integers(0, 3), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)
)


@st.composite
def maps(draw, dtypes=DTYPES):
    """Feature maps in any dtype and memory layout, 3-D or 4-D."""
    torch.manual_seed(draw(st.integers(0, 2**31)))
    x = torch.randn(draw(sizes), dtype=torch.float64)
    x = x.to(draw(st.sampled_from(dtypes)))
    x = LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))](x)
    return x[0] if len(x) and draw(st.booleans()) else x


@st.composite
def regions(draw):
    return dict(
        center=(draw(st.integers(-2, 10)), draw(st.integers(-2, 10))),
        radius=draw(st.floats(0.03, 12)),
        ratios=draw(st.tuples(st.floats(0.4, 4), st.floats(0.4, 4))),
        shape=draw(st.sampled_from(['rhombus', 'ellipse', 'rectangle'])),
    )


offsets = st.one_of(st.integers(-12, 12), st.floats(-12, 12))


def near_whole(numbers, tolerance=1e-9):
    return any(abs(n - round(n)) < tolerance for n in numbers)


def shift_naive(x, tx, ty):
    """Eq 4 for whole offsets, cell by cell."""
    out = torch.zeros_like(x)
    height, width = x.shape[-2:]
    for j in range(height):
        for i in range(width):
            if 0 <= j + ty < height and 0 <= i + tx < width:
                out[..., j + ty, i + tx] = x[..., j, i]
    return out


def shift_grid_sample(x, tx, ty, mode='bilinear'):
    """Eq 4 by torch's own sampler; its matrix maps output to input."""
    height, width = x.shape[-2:]
    maps = x.reshape(1, -1, height, width)
    matrix = torch.tensor(
        [[[1, 0, -2 * tx / width], [0, 1, -2 * ty / height]]], dtype=x.dtype
    )
    grid = F.affine_grid(matrix, maps.shape, align_corners=False)
    return F.grid_sample(
        maps, grid, mode, padding_mode='zeros', align_corners=False
    ).view(x.shape)


def assert_new(out, x):
    assert out.shape == x.shape and out.dtype == x.dtype
    if x.numel():
        assert out.data_ptr() != x.data_ptr()


@given(maps(), regions())
def test_magnify_is_the_double_loop(x, region):
    before = x.clone()
    out = magnify_feature(x, MagnificationRegion(**region))
    assert_new(out, x)
    torch.testing.assert_close(x, before, rtol=0, atol=0)
    height, width = x.shape[-2:]
    planes = x.double().reshape(-1, height, width).permute(1, 2, 0)
    expected = naive.magnify(planes.numpy(), **region)
    actual = out.double().reshape(-1, height, width).permute(1, 2, 0).numpy()
    different = (actual != expected).any(-1)
    # Where d / r * dx is a whole number, rounding in the last bit decides
    # between two neighbours; that is all that may differ.
    for j, i in zip(*different.nonzero()):
        assert near_whole(naive.sources(height, width, **region)[i, j])


@given(maps(dtypes=(torch.float64,)), offsets, offsets)
def test_bilinear_offset_is_grid_sample(x, tx, ty):
    before = x.clone()
    out = offset_feature(x, tx, ty)
    assert_new(out, x)
    torch.testing.assert_close(x, before, rtol=0, atol=0)
    if x.numel():  # grid_sample takes no empty batch
        torch.testing.assert_close(
            out, shift_grid_sample(x, tx, ty), rtol=0, atol=1e-12
        )


@given(
    maps(),
    st.integers(-12, 12),
    st.integers(-12, 12),
    st.sampled_from(['bilinear', 'nearest']),
)
def test_whole_offset_is_the_double_loop(x, tx, ty, interpolation):
    out = offset_feature(x, tx, ty, interpolation)
    assert_new(out, x)
    torch.testing.assert_close(out, shift_naive(x, tx, ty), rtol=0, atol=0)


@given(maps(), offsets, offsets)
def test_nearest_offset_rounds(x, tx, ty):
    out = offset_feature(x, tx, ty, interpolation='nearest')
    expected = shift_naive(x, round(tx), round(ty))
    torch.testing.assert_close(out, expected, rtol=0, atol=0)
    ties = near_whole((tx - 0.5, ty - 0.5), 1e-6)
    if x.dtype == torch.float64 and x.numel() and not ties:
        torch.testing.assert_close(
            out, shift_grid_sample(x, tx, ty, 'nearest'), rtol=0, atol=0
        )


def test_positive_offsets_move_right_and_down():
    x = torch.zeros(1, 1, 5, 7)
    x[0, 0, 1, 2] = 1
    out = offset_feature(x, tx=3, ty=1)
    assert out.nonzero().tolist() == [[0, 0, 2, 5]]
    out = offset_feature(x, tx=-1.25, ty=0)
    assert out[0, 0, 1].tolist() == [0.25, 0.75, 0, 0, 0, 0, 0]


@pytest.mark.parametrize('tx, ty', [(1, 0), (-2, 1), (0.4, -1), (-1.3, 0.6)])
def test_what_enters_is_zero_even_beside_nan(tx, ty):
    x = torch.full((2, 3, 6, 6), math.nan)
    out = offset_feature(x, tx, ty)
    ones = offset_feature(torch.ones_like(x), tx, ty)
    assert (ones == 0).any()
    assert torch.equal(out.isnan(), ones != 0)
    assert (out[ones == 0] == 0).all()


@pytest.mark.parametrize(
    'tx, ty', [(7, 0), (0, -5), (-7.5, 0.5), (1e9, 0), (0.25, -6.001), (1e300, -1e300)]
)
def test_offset_beyond_the_map_leaves_zeros(tx, ty):
    x = torch.rand(2, 3, 5, 6, requires_grad=True) + 1
    out = offset_feature(x, tx, ty)
    assert not out.any()
    (grad,) = torch.autograd.grad(out.sum(), x)
    assert not grad.any()


@pytest.mark.parametrize('size', [(1, 2, 3, 4), (2, 5, 4), (2, 1, 1, 1)])
@pytest.mark.parametrize(
    'function',
    [
        lambda x: magnify_feature(x, MagnificationRegion(**SPREAD)),
        lambda x: magnify_feature(
            x, MagnificationRegion((1, 1), 3, (1, 0.5), 'rectangle')
        ),
        lambda x: offset_feature(x, 1, -1),
        lambda x: offset_feature(x, 0.3, -1.6),
        lambda x: offset_feature(x, -3.7, 0),
        lambda x: offset_feature(x, 2, 0.5),
        lambda x: offset_feature(x, -1.4, 0.6, 'nearest'),
    ],
)
def test_gradients_are_finite_differences(function, size):
    torch.manual_seed(0)
    x = torch.randn(size, dtype=torch.float64, requires_grad=True)
    assert gradcheck(function, (x,))
    # Both maps are linear: without the square the second derivative is 0.
    assert gradgradcheck(lambda x: function(x) ** 2, (x,))


@pytest.mark.parametrize('layout', sorted(LAYOUTS))
@pytest.mark.parametrize('dtype', DTYPES[:3])
@pytest.mark.parametrize(
    'function, reads',
    [
        (lambda x: magnify_feature(x, MagnificationRegion(**SPREAD)), 1),
        (lambda x: offset_feature(x, 1, -2), 1),
        (lambda x: offset_feature(x, 0.3, -1.6), 4),
    ],
)
def test_low_precision_forward_and_backward(function, reads, dtype, layout):
    torch.manual_seed(0)
    x = LAYOUTS[layout](torch.randn(2, 3, 7, 8).to(dtype)).requires_grad_()
    # All of one sign: a sum in 16 bits would be seen.
    weight = torch.rand(x.shape).to(dtype) + 1
    out = function(x)
    (grad,) = torch.autograd.grad(out, x, weight)
    exact = x.detach().double().requires_grad_()
    exact_out = function(exact)
    (exact_grad,) = torch.autograd.grad(exact_out, exact, weight.double())
    eps = torch.finfo(dtype).eps
    assert out.dtype == grad.dtype == dtype
    torch.testing.assert_close(
        out.double(), exact_out, rtol=0, atol=(reads > 1) * 8 * eps
    )
    torch.testing.assert_close(
        grad.double(), exact_grad, rtol=reads * eps, atol=(reads > 1) * eps
    )


class Sums(TorchDispatchMode):
    """Notes in which dtypes is summed."""

    def __init__(self):
        super().__init__()
        self.dtypes = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if 'scatter_add' in str(function):
            self.dtypes.append(args[0].dtype)
        return function(*args, **(kwargs or {}))


def test_many_gradients_of_16_bits_add_up():
    """bfloat16 cannot count beyond 256 by ones; more cells read the centre."""
    x = torch.zeros(1, 1, 65, 65, dtype=torch.bfloat16, requires_grad=True)
    region = MagnificationRegion((32, 32), radius=1000.0)
    out = magnify_feature(x, region)
    with Sums() as sums:
        (grad,) = torch.autograd.grad(out, x, torch.ones_like(x))
    # A CPU may sum 16 bits in 32 by itself, a GPU does not.
    assert sums.dtypes == [torch.float32]
    assert grad.float().max() > 512
    assert grad.double().sum() == pytest.approx(65 * 65, rel=1e-2)


@pytest.mark.parametrize('layout', sorted(LAYOUTS))
@pytest.mark.parametrize(
    'function',
    [
        lambda x: magnify_feature(x, MagnificationRegion(**SPREAD)),
        lambda x: offset_feature(x, 1, -2),
        lambda x: offset_feature(x, 0.3, -1.6),
    ],
)
def test_what_follows_may_work_in_place(function, layout):
    """As ``out += identity`` and ReLU do in residual blocks."""
    torch.manual_seed(0)
    x = LAYOUTS[layout](torch.randn(2, 3, 7, 8)).requires_grad_()
    (expected,) = torch.autograd.grad((function(x) + x).relu().square().sum(), x)
    out = function(x)
    out += x
    (grad,) = torch.autograd.grad(out.relu_().square().sum(), x)
    torch.testing.assert_close(grad, expected)


@pytest.mark.parametrize('tx', [1, 1.5])
def test_memory_layout_is_kept(tx):
    x = torch.rand(2, 4, 6, 5).to(memory_format=torch.channels_last)
    x.requires_grad_()
    for out in (
        offset_feature(x, tx, tx),
        magnify_feature(x, MagnificationRegion(**SPREAD)),
    ):
        assert out.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize('chunk', [1, 50, 1000])
@pytest.mark.parametrize('layout', sorted(LAYOUTS))
def test_pieces_make_the_whole(monkeypatch, chunk, layout):
    monkeypatch.setattr(feature, 'CHUNK', chunk)
    torch.manual_seed(0)
    x = LAYOUTS[layout](torch.randn(5, 3, 4, 6, dtype=torch.float64))
    torch.testing.assert_close(
        offset_feature(x, 1.3, -0.4),
        shift_grid_sample(x, 1.3, -0.4),
        rtol=0,
        atol=1e-12,
    )


@pytest.mark.parametrize(
    'region',
    [
        MagnificationRegion((2, 1), 0.5),
        MagnificationRegion((2, 1), 1.0),
        MagnificationRegion((9, 9), 2.0),
        # One cell of the map alone, (0, 1), and its source is (1.2, 1).
        MagnificationRegion((-1, 1), 0.45, (0.4, 1.0)),
    ],
)
def test_region_of_less_than_two_cells_changes_nothing(region):
    x = torch.rand(2, 3, 4, 5)
    out = magnify_feature(x, region)
    assert_new(out, x)
    assert torch.equal(out, x)


def test_nothing_is_read_back_from_the_device():
    """The meta device holds no values: any read raises."""
    x = torch.empty(2, 3, 8, 6, device='meta', requires_grad=True)
    with pytest.raises((RuntimeError, NotImplementedError)):
        x.sum().item()
    for out in (
        magnify_feature(x, MagnificationRegion(**SPREAD)),
        offset_feature(x, 0.5, -1.5),
        offset_feature(x, 1, 0),
    ):
        assert out.shape == x.shape and out.device.type == 'meta'
        out.sum().backward()
    assert x.grad.shape == x.shape


@pytest.mark.parametrize(
    'function',
    [
        lambda x: magnify_feature(x, MagnificationRegion(**SPREAD)),
        lambda x: offset_feature(x, 1, 0),
    ],
)
def test_bad_tensors(function):
    for dtype in (torch.uint8, torch.int64, torch.bool, torch.complex64):
        with pytest.raises(TypeError, match=f'floats, got {dtype}'):
            function(torch.zeros(1, 1, 4, 4, dtype=dtype))
    with pytest.raises(TypeError, match='floats, got list'):
        function([[1.0]])
    with pytest.raises(TypeError, match='a feature map must be a dense tensor'):
        function(torch.nested.nested_tensor([torch.zeros(1, 4, 4)] * 2))
    if hasattr(torch, 'float8_e5m2'):
        with pytest.raises(TypeError, match='a feature map must have floats of 16'):
            function(torch.zeros(1, 1, 4, 4).to(torch.float8_e5m2))
    for size in ((4,), (4, 4), (1, 1, 1, 4, 4)):
        with pytest.raises(ValueError, match=r'\(B, C, H, W\) or \(C, H, W'):
            function(torch.zeros(size))


def test_a_sign_that_is_kept_beside_the_numbers():
    x = torch.rand(1, 2, 8, 8)
    for function in (
        lambda x: magnify_feature(x, MagnificationRegion(**SPREAD)),
        lambda x: offset_feature(x, 1.25, -0.5),
    ):
        torch.testing.assert_close(function(torch._neg_view(x)), function(-x))


def test_bad_offsets():
    x = torch.zeros(1, 1, 4, 4)
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match='tx and ty must be finite'):
            offset_feature(x, bad, 0)
        with pytest.raises(ValueError, match='tx and ty must be finite'):
            offset_feature(x, 0, bad)
    with pytest.raises(ValueError, match="interpolation must be one of.*'no'"):
        offset_feature(x, 0, 0, interpolation='no')


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_derivatives_by_torch_func(dtype):
    """Those of autograd, of which other tests know that they are right."""
    region = MagnificationRegion((3, 2), 3.0)

    def change(x):
        return (offset_feature(magnify_feature(x, region), 1.25, -0.5) ** 3).sum()

    x = torch.rand(2, 3, 6, 7, dtype=dtype, requires_grad=True)
    (expected,) = torch.autograd.grad(change(x), x)
    torch.testing.assert_close(torch.func.grad(change)(x.detach()), expected)
    # of each image; and forwards, where both maps are linear
    x, tangent = x.detach(), torch.rand_like(x)
    for function in (
        lambda x: magnify_feature(x, region),
        lambda x: offset_feature(x, 1.25, -0.5),
    ):
        for dim in (0, 1):
            each = torch.func.vmap(function, dim, dim)
            torch.testing.assert_close(each(x), function(x))
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(change))(x), expected)
    torch.testing.assert_close(
        torch.func.jvp(change, (x,), (tangent,))[1], (expected * tangent).sum()
    )
    jacobian = torch.func.jacrev(lambda x: offset_feature(x, 1.25, -0.5))(x[:1, :1])
    moved = offset_feature(tangent[:1, :1], 1.25, -0.5)
    torch.testing.assert_close(
        (jacobian * tangent[:1, :1]).sum((-1, -2, -3, -4)), moved
    )
