"""The compiled loops for feature maps, against those in PyTorch."""

import shutil
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from loma_mm.functional import (
    MagnificationRegion,
    feature,
    magnify_feature,
    offset_feature,
)
from tests.memory import guarded

if feature._compiled is None and not shutil.which('cc'):
    pytest.skip('there is no compiler', allow_module_level=True)

sizes = st.tuples(
    st.integers(0, 5), st.integers(1, 3), st.integers(1, 40), st.integers(1, 40)
) | st.sampled_from([(2, 3, 3, 5000), (1, 1, 300, 40)])
offsets = st.integers(-45, 45) | st.floats(-45, 45) | st.floats(-2, 2)


@st.composite
def regions(draw):
    return MagnificationRegion(
        center=(draw(st.integers(-2, 40)), draw(st.integers(-2, 40))),
        radius=draw(st.floats(0.03, 50)),
        ratios=draw(st.tuples(st.floats(0.4, 4), st.floats(0.4, 4))),
        shape=draw(st.sampled_from(['rhombus', 'ellipse', 'rectangle'])),
    )


def test_they_are_compiled_in_this_environment():
    assert feature._compiled is not None


@pytest.fixture(params=[1, 3], autouse=True, scope='module')
def threads(request):
    """As many threads, whatever the size."""
    before, enough = torch.get_num_threads(), feature.PER_THREAD
    torch.set_num_threads(request.param)
    feature.PER_THREAD = 1
    yield
    feature.PER_THREAD = enough
    torch.set_num_threads(before)


def forward_and_backward(function, x, weight):
    x = x.detach().requires_grad_()
    out = function(x)
    (grad,) = torch.autograd.grad((out * weight).sum(), x)
    return out.detach(), grad


def same_as_in_float64(function, size):
    torch.manual_seed(0)
    x, weight = torch.randn(size), torch.randn(size)
    assert feature._is_compiled_for(x)
    assert not feature._is_compiled_for(x.double())
    for ours, expected in zip(
        forward_and_backward(function, x, weight),
        forward_and_backward(function, x.double(), weight.double()),
    ):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours.double(), expected, rtol=1e-5, atol=1e-4)


@given(sizes, regions())
def test_magnify(size, region):
    same_as_in_float64(lambda x: magnify_feature(x, region), size)


@given(sizes, offsets, offsets, st.sampled_from(['bilinear', 'nearest']))
def test_offset(size, tx, ty, interpolation):
    same_as_in_float64(lambda x: offset_feature(x, tx, ty, interpolation), size)


def test_twice_differentiable():
    x = torch.randn(1, 2, 6, 7, requires_grad=True)
    region = MagnificationRegion((3, 2), 4.5)
    for function in (
        lambda x: magnify_feature(x, region),
        lambda x: offset_feature(x, 1.25, -0.5),
    ):
        y = function(x)
        (grad,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        (second,) = torch.autograd.grad((grad * x.detach()).sum(), x)
        # d(2 AtA x)^T x / dx = 2 AtA x
        torch.testing.assert_close(second, grad.detach())


def test_zeros_enter_beside_nan():
    x = torch.full((1, 1, 3, 4), float('nan'))
    out = offset_feature(x, 2, -1)
    assert (out[..., :2] == 0).all() and (out[..., 2, :] == 0).all()
    assert out[..., :2, 2:].isnan().all()


def test_gradients_of_another_layout():
    x = torch.randn(2, 3, 5, 6, requires_grad=True)
    region = MagnificationRegion((3, 2), 4.5)
    weight = torch.randn(2, 3, 5, 6)
    (expected,) = torch.autograd.grad(magnify_feature(x, region), x, weight)
    (grad,) = torch.autograd.grad(
        magnify_feature(x, region), x, weight.to(memory_format=torch.channels_last)
    )
    torch.testing.assert_close(grad, expected)


@pytest.mark.skipif(sys.platform != 'linux', reason='uses mprotect')
@pytest.mark.parametrize('at_end', [True, False])
def test_no_byte_outside_the_maps_is_touched(at_end):

    def guard(size):
        memory = guarded(4 * torch.Size(size).numel(), at_end)
        return torch.from_numpy(memory.view('f4').reshape(size))

    for size in ((3, 5, 7), (2, 16, 16), (1, 1, 9), (2, 9, 1), (1, 3, 5000)):
        height, width = size[-2:]
        x, out = guard(size), guard(size)
        x.normal_()
        region = MagnificationRegion((width // 2, height // 2), 4.0)
        index = feature._source_index(region, x).numpy()
        for adjoint in (False, True):
            feature._compiled.gather(x.numpy(), out.numpy(), index, adjoint, 2)
        for whole in range(-8, 9):
            for weights in ((1.0, 0.0), (0.25, 0.75)):
                for other in (0, -whole):
                    feature._compiled.shift(
                        x.numpy(), out.numpy(), (whole, weights), (other, weights), 2
                    )


def test_threads_have_rows_of_their_own():
    x = torch.randn(2000, 32, 40).numpy()
    expected, out = x.copy(), x.copy()
    offsets = (3, (0.25, 0.75)), (-2, (0.5, 0.5))
    feature._compiled.shift(x, expected, *offsets, 1)
    for _ in range(20):
        feature._compiled.shift(x, out, *offsets, 8)
        assert (out == expected).all()


def test_wrong_calls_are_errors():
    gather, shift = feature._compiled.gather, feature._compiled.shift
    x = torch.zeros(2, 3, 4).numpy()
    index, none = torch.arange(12).numpy(), (0, (1.0, 0.0))
    for bad in (x.astype('f8'), x[:, :2], x[0, 0], x.astype('i4')):
        with pytest.raises(ValueError, match='float32 maps of one shape'):
            gather(x, bad.copy(), index, False, 1)
        with pytest.raises(ValueError, match='float32 maps of one shape'):
            shift(bad.copy(), x, none, none, 1)
    for bad in (index[:-1], index - 1, index + 1, index.astype('i4'), index * 1.0):
        with pytest.raises(ValueError, match='index must be'):
            gather(x, x.copy(), bad, False, 1)
    with pytest.raises((BufferError, ValueError)):
        gather(x[..., ::2], x[..., ::2], index[:6], False, 1)
    for threads in (0, -1, feature.MOST_THREADS + 1):
        with pytest.raises(ValueError, match='threads must be in'):
            gather(x, x.copy(), index, False, threads)
        with pytest.raises(ValueError, match='threads must be in'):
            shift(x, x.copy(), none, none, threads)
    with pytest.raises(TypeError):
        gather(12345, x, index, False, 1)


def test_no_more_threads_than_the_loops_can_take(monkeypatch):
    monkeypatch.setattr(torch, 'get_num_threads', lambda: 1000)
    x = torch.randn(100, 1, 5, 6)
    assert feature.threads_for(x) == feature.MOST_THREADS
    same_as_in_float64(lambda x: offset_feature(x, 1.5, 0.25), x.shape)
