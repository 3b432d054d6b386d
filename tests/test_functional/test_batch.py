"""Whole batches against the form for one image."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode

from loma_mm.functional import (
    MagnificationRegion,
    batch,
    image,
    magnify_batch,
    magnify_image,
)
from loma_mm.functional.region import RegionTable
from tests.compiled import needs_compiled

SHAPES = ('rhombus', 'ellipse', 'rectangle')


@st.composite
def batches(draw):
    count, channels = draw(st.integers(0, 5)), draw(st.integers(1, 4))
    height, width = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    regions, sizes = [], []
    for _ in range(count):
        size = draw(st.integers(1, height)), draw(st.integers(1, width))
        sizes.append(size if draw(st.booleans()) else (height, width))
        whole = draw(st.booleans())
        number = st.integers if whole else st.floats
        region = MagnificationRegion(
            (draw(number(-2, width)), draw(number(-2, height))),
            draw(st.floats(0.03, 1.5)) * max(height, width),
            draw(st.tuples(st.floats(0.4, 4), st.floats(0.4, 4))),
            draw(st.sampled_from(SHAPES)),
        )
        regions.append(region if draw(st.integers(0, 3)) else None)
    return (count, channels, height, width), regions, sizes


def one_by_one(x, regions, sizes):
    """Each image on its own, channels last."""
    out = x.clone()
    for moved, region, (h, w) in zip(out, regions, sizes):
        if region is not None:
            part = moved[:, :h, :w].permute(1, 2, 0).contiguous().numpy()
            part = torch.from_numpy(magnify_image(part, region))
            moved[:, :h, :w] = part.permute(2, 0, 1)
    return out


@pytest.mark.parametrize('path', ['compiled', 'any device'])
@given(case=batches(), dtype=st.sampled_from(['uint8', 'float32', 'float64', 'int32']))
def test_same_pixels_as_one_by_one(path, case, dtype):
    shape, regions, sizes = case
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.integers(0, 256, shape).astype(dtype))
    before = x.clone()
    expected = one_by_one(x, regions, sizes)
    with pytest.MonkeyPatch.context() as patch:
        if path == 'any device':
            patch.setattr('loma_mm.functional.batch.is_compiled', lambda: False)
        out = magnify_batch(x, regions, sizes)
        assert torch.equal(x, before)
        assert out.dtype == x.dtype and torch.equal(out, expected)
        assert out.data_ptr() != x.data_ptr() or not x.numel()
        if all(size == shape[2:] for size in sizes):
            assert torch.equal(magnify_batch(x, regions), expected)


@pytest.mark.parametrize('path', ['compiled', 'any device'])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.bool])
def test_other_types_and_layouts(monkeypatch, path, dtype):
    if path == 'any device':
        monkeypatch.setattr('loma_mm.functional.batch.is_compiled', lambda: False)
    x = torch.randn(3, 3, 24, 30).to(dtype)
    regions = [MagnificationRegion((10, 9), 12.0, shape=s) for s in SHAPES]
    expected = one_by_one(x.float(), regions, [(24, 30)] * 3).to(dtype)
    wide = x.repeat_interleave(2, dim=-1)[..., ::2]
    for variant in (x, x.to(memory_format=torch.channels_last), wide):
        out = magnify_batch(variant, regions)
        assert out.dtype == dtype and torch.equal(out, expected)


@pytest.mark.parametrize('path', ['compiled', 'any device'])
def test_signs_that_are_kept_beside_the_numbers(monkeypatch, path):
    """A conjugate, and its imaginary part, are views with a bit."""
    if path == 'any device':
        monkeypatch.setattr('loma_mm.functional.batch.is_compiled', lambda: False)
    real, imaginary = torch.randn(2, 3, 3, 24, 30)
    conjugate = torch.complex(real, imaginary).conj()
    assert conjugate.is_conj() and conjugate.imag.is_neg()
    regions = [MagnificationRegion((10, 9), 12.0, shape=s) for s in SHAPES]
    expected = one_by_one(-imaginary, regions, [(24, 30)] * 3)
    assert torch.equal(magnify_batch(conjugate.imag, regions), expected)
    assert torch.equal(magnify_batch(conjugate, regions).imag, expected)


@needs_compiled
def test_layouts_and_threads_of_the_compiled_loop(monkeypatch):
    """Each thread has images of its own, of any layout, padded or not."""
    rng = np.random.default_rng(0)
    regions = [
        MagnificationRegion((int(rng.integers(40)), 9.5 * (n % 3)), 14.0, shape=shape)
        for n, shape in enumerate(SHAPES * 2)
    ]
    regions[2] = None
    sizes = [(30 - n, 40 - 2 * n) for n in range(6)]
    sizes[0] = (0, 40)
    x = torch.from_numpy(rng.integers(0, 256, (6, 3, 30, 40), np.uint8))
    expected = one_by_one(x, regions, sizes)
    variants = (
        x,
        x.to(memory_format=torch.channels_last),
        x.transpose(0, 1).contiguous().transpose(0, 1),
        x.transpose(2, 3).contiguous().transpose(2, 3),
        x.flip(3).numpy()[..., ::-1],
    )
    for threads in (1, 4, 64):
        monkeypatch.setattr(batch, 'threads_for', lambda x, n=threads: n)
        for variant in variants:
            if isinstance(variant, np.ndarray):  # strides below 0
                out = torch.empty_like(x).fill_(7)
                assert image._compiled.magnify_batch(
                    variant,
                    out.numpy(),
                    RegionTable.of(regions).numbers,
                    np.array(sizes),
                    threads,
                )
            else:
                out = magnify_batch(variant, regions, sizes)
            assert torch.equal(out, expected)
    last = magnify_batch(variants[1], regions, sizes)
    assert last.is_contiguous(memory_format=torch.channels_last)
    for strided in variants[2:4]:
        assert magnify_batch(strided, regions, sizes).is_contiguous()


@needs_compiled
def test_what_the_compiled_loop_refuses():
    """Wrong calls are errors, and what it cannot do is left to PyTorch."""
    loop = image._compiled.magnify_batch
    x = np.zeros((2, 3, 8, 9), np.float32)
    drawn = np.array([(4, 4, 3.0, 1, 1, 0), (0, 0, 1, 1, 1, -1)])
    sizes = np.array([(8, 9)] * 2)

    def changed(array, index, value):
        array = array.copy()
        array[index] = value
        return array

    usual = dict(x=x, out=np.empty_like(x), regions=drawn, sizes=sizes, threads=1)
    for wrong in (
        dict(threads=0),
        dict(out=np.empty_like(x[:1])),
        dict(out=np.empty(x.shape, 'f8')),
        dict(regions=drawn[:1]),
        dict(regions=drawn[:, :5].copy()),
        dict(regions=drawn.astype(np.float32)),
        dict(regions=drawn[0]),
        dict(regions=changed(drawn, (0, 5), 3)),
        dict(regions=changed(drawn, (0, 5), -2)),
        dict(regions=changed(drawn, (0, 5), 0.5)),
        dict(regions=changed(drawn, (0, 5), np.nan)),
        dict(sizes=sizes[:1]),
        dict(sizes=sizes.astype(np.float64)),
        dict(sizes=sizes.astype(np.int32)),
        dict(sizes=changed(sizes, (0, 1), 10)),
        dict(sizes=changed(sizes, (1, 0), 9)),
        dict(sizes=changed(sizes, (0, 0), -1)),
        dict(sizes=changed(sizes, (0, 1), -1)),
        # not contiguous, which a buffer must be
        dict(regions=np.asfortranarray(drawn)),
        dict(sizes=np.repeat(sizes, 2, axis=1)[:, ::2]),
    ):
        with pytest.raises(ValueError):
            loop(*{**usual, **wrong}.values())
    with pytest.raises(TypeError):
        loop(x, usual['out'], drawn.tolist(), sizes, 1)
    far, wide = (
        np.lib.stride_tricks.as_strided(x, strides=(0, 0, *steps))
        for steps in ((1 << 29, 4), (4, 1 << 29))
    )
    for source, target in (
        (x, np.empty((2, 8, 9, 3), 'f4').transpose(0, 3, 1, 2)),
        (x, np.empty((2, 3, 9, 8), 'f4').transpose(0, 1, 3, 2)),
        (far, np.empty_like(x)),
        (wide, np.empty_like(x)),
    ):
        target[:] = 7
        assert not loop(source, target, drawn, sizes, 1)
        assert (target == 7).all()
    # 2 GiB, of which no page is touched, of one pixel.
    large = np.empty((1, 1, 1 << 16, 1 << 15), np.uint8)
    small = np.broadcast_to(large[:, :, :1, :1], large.shape)
    assert not loop(small, large, drawn[:1], sizes[:1], 1)


def test_a_table_gives_back_its_regions():
    regions = [
        MagnificationRegion((4, 7.5), 3.0, (1.0, 2.5)),
        None,
        MagnificationRegion((-3, 2), 1e-9, (0.5, 1.0), 'ellipse'),
        MagnificationRegion((0.25, 100), 8, shape='rectangle'),
    ]
    table = RegionTable.of(regions)
    assert len(table) == 4 and list(table) == regions
    assert table[-1] == regions[-1] and list(table[1:3]) == regions[1:3]
    # as the region has them
    assert str(list(table)) == str(regions)
    with pytest.raises(IndexError):
        table[4]
    assert list(RegionTable.of([])) == []


@needs_compiled
def test_many_planes_and_large_pixels_of_the_compiled_loop():
    """Types that torch lacks, and more moves than are collected at a time."""
    rng = np.random.default_rng(0)
    drawn = RegionTable.of([MagnificationRegion((30, 25), 45.0, shape='ellipse')])
    sizes = np.array([(50, 61)])
    for dtype in ('u1', 'u2', 'u4', 'u8', 'V3', 'c16'):
        size = np.dtype(dtype).itemsize
        x = rng.integers(0, 256, (1, 3, 50, 61, size), np.uint8)
        x = x.view(dtype)[..., 0]
        out = np.empty_like(x)
        assert image._compiled.magnify_batch(x, out, drawn.numbers, sizes, 1)
        y, i = np.divmod(
            magnify_image(np.arange(50 * 61).reshape(50, 61), drawn[0]), 61
        )
        assert out.tobytes() == x[0, :, y, i].transpose(2, 0, 1).tobytes()


def test_gradient_is_that_of_the_moved_pixels():
    x = torch.rand(2, 2, 9, 9, dtype=torch.float64, requires_grad=True)
    regions = [MagnificationRegion((4, 4), 4.0), None]
    assert torch.autograd.gradcheck(lambda t: magnify_batch(t, regions), x)
    assert torch.equal(
        magnify_batch(x, regions).detach(), magnify_batch(x.detach(), regions)
    )


@pytest.mark.filterwarnings('ignore::torch.jit.TracerWarning')
@pytest.mark.parametrize('path', ['compiled', 'any device'])
def test_torch_func_forward_gradients_and_traces(monkeypatch, path):
    if path == 'any device':
        monkeypatch.setattr('loma_mm.functional.batch.is_compiled', lambda: False)
    x, tangent = torch.rand(2, 4, 2, 3, 9, 9)
    regions = [MagnificationRegion((4, 4), 4.0), None]

    def magnify(x):
        return magnify_batch(x, regions)

    expected = torch.stack([magnify(part) for part in x])
    moved = torch.stack([magnify(part) for part in tangent])
    assert torch.equal(torch.func.vmap(magnify)(x), expected)
    value, forward = torch.func.jvp(torch.func.vmap(magnify), (x,), (tangent,))
    assert torch.equal(value, expected) and torch.equal(forward, moved)
    # What only goes forwards does not require a gradient.
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x[0], tangent[0])
        assert torch.equal(forward_ad.unpack_dual(magnify(dual)).tangent, moved[0])
    traced = torch.jit.trace(magnify, x[0], check_trace=False)
    assert torch.equal(traced(x[1]), expected[1])


def test_nothing_is_read_back_from_the_device():
    """The meta device has no memory: reading a value there is an error."""

    class Reads(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            assert func is not torch.ops.aten._local_scalar_dense.default
            return func(*args, **(kwargs or {}))

    regions = [MagnificationRegion((4, 4), 4.0, shape=s) for s in (*SHAPES, 'ellipse')]
    x = torch.rand(5, 3, 8, 9, device='meta')
    with Reads():
        out = magnify_batch(x, [*regions, None], [(7, 9)] * 5)
    assert out.shape == x.shape and out.device.type == 'meta'


def test_steps_do_not_grow_with_the_batch():
    class Count(TorchDispatchMode):
        calls = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.calls += 1
            return func(*args, **(kwargs or {}))

    counts = []
    for images in (2, 64):
        x = torch.rand(images, 3, 8, 9, device='meta')
        regions = [MagnificationRegion((i % 9, 4), 4.0) for i in range(images)]
        with Count() as count:
            magnify_batch(x, regions)
        counts.append(count.calls)
    assert counts[0] == counts[1] < 80


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_on_a_gpu_as_on_a_cpu():
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.integers(0, 256, (8, 3, 60, 80), np.uint8))
    regions = [
        MagnificationRegion(
            (int(rng.integers(80)), int(rng.integers(60))),
            rng.uniform(3, 56),
            (1.0, rng.uniform(1, 3)),
            SHAPES[n % 3],
        )
        for n in range(8)
    ]
    x_gpu = x.cuda()
    torch.cuda.set_sync_debug_mode('error')
    try:
        out = magnify_batch(x_gpu, regions)
    finally:
        torch.cuda.set_sync_debug_mode('default')
    assert torch.equal(out.cpu(), magnify_batch(x, regions))


def test_without_a_compiler_it_is_the_same(monkeypatch):
    x = torch.rand(3, 3, 20, 20)
    regions = [MagnificationRegion((9, 8), 9.0, shape=s) for s in SHAPES]
    expected = magnify_batch(x, regions)
    for module in (image, batch):
        monkeypatch.setattr(module, 'is_compiled', lambda: False)
    assert torch.equal(magnify_batch(x, regions), expected)


def test_bad_input_is_explained():
    x, region = torch.rand(2, 3, 8, 8), MagnificationRegion((4, 4), 3)
    with pytest.raises(TypeError, match='x must be a dense tensor, got ndarray'):
        magnify_batch(x.numpy(), [region] * 2)
    with pytest.raises(ValueError, match=r'\(3, 8, 8\)'):
        magnify_batch(x[0], [region])
    with pytest.raises(ValueError, match='regions.*2 images, got 1'):
        magnify_batch(x, [region])
    with pytest.raises(TypeError, match='regions.*got tuple'):
        magnify_batch(x, [region, (4, 4)])
    with pytest.raises(ValueError, match='sizes.*2 images, got 1'):
        magnify_batch(x, [region] * 2, [(8, 8)])
    for wrong in ((8, 8, 8), (8,), 8, '88'):
        with pytest.raises(ValueError, match='sizes must be made of pairs'):
            magnify_batch(x, [region] * 2, [(8, 8), wrong])
    for wrong in ('ab', {'a': 1, 'b': 2}, region):
        with pytest.raises(TypeError, match='regions must be a list'):
            magnify_batch(x, wrong)
    with pytest.raises(TypeError, match='sizes must be a list'):
        magnify_batch(x, [region] * 2, 'ab')
    with pytest.raises(ValueError, match=r'sizes.*8 x 8.*\(9, 8\)'):
        magnify_batch(x, [region] * 2, [(8, 8), (9, 8)])


TYPES_THAT_TORCH_DOES_NOT_GATHER = [
    getattr(torch, name)
    for name in ('float8_e5m2', 'float8_e4m3fn', 'complex32')
    if hasattr(torch, name)
]


@pytest.mark.filterwarnings('ignore:ComplexHalf')
@pytest.mark.parametrize('path', ['compiled', 'any device'])
@pytest.mark.parametrize('dtype', TYPES_THAT_TORCH_DOES_NOT_GATHER, ids=str)
def test_types_that_torch_does_not_gather(monkeypatch, path, dtype):
    if path == 'any device':
        monkeypatch.setattr(batch, 'is_compiled', lambda: False)
    x, regions = torch.rand(2, 3, 6, 10), [MagnificationRegion((4, 3), 3), None]
    out = magnify_batch(x.to(dtype), regions)
    assert out.dtype == dtype
    expected = magnify_batch(x.to(dtype).cfloat(), regions)
    assert torch.equal(out.cfloat(), expected)


def test_derivatives_by_torch_func():
    """The map is linear: a tangent is moved as the pixels are."""
    x, tangent = torch.rand(3, 2, 3, 6, 10), torch.rand(2, 3, 6, 10)
    regions = [MagnificationRegion((4, 3), 3), None]

    def change(x):
        return magnify_batch(x, regions)

    moved = change(tangent)
    assert not torch.equal(moved, tangent)
    _, forwards = torch.func.jvp(change, (x[0],), (tangent,))
    torch.testing.assert_close(forwards, moved)
    with forward_ad.dual_level():
        dual = change(forward_ad.make_dual(x[0], tangent))
        torch.testing.assert_close(forward_ad.unpack_dual(dual).tangent, moved)
    each = torch.stack([change(images) for images in x])
    torch.testing.assert_close(torch.func.vmap(change)(x), each)
    _, back = torch.func.vjp(change, x[0])
    y = x[0].clone().requires_grad_()
    (expected,) = torch.autograd.grad(change(y), y, tangent)
    torch.testing.assert_close(back(tangent)[0], expected)
