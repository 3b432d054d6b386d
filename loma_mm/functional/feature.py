"""LOMA_F and FeatureMap Offset without their random draws."""

import math

import numpy as np
import torch
from torch import Tensor

from loma_mm.checks import (
    check_feature_map,
    check_interpolation,
    check_offsets,
)

from .image import magnify_image
from .region import MagnificationRegion, check_region

try:
    from . import _compiled  # type: ignore[attr-defined]
except ImportError:
    # Installed where there was no compiler: the same in PyTorch, slower.
    _compiled = None

# Devices that cannot hold float64.
SINGLE_PRECISION = ('mps',)

# Elements handled at a time on a CPU: small enough to stay in its cache.
CHUNK = 1 << 17

# Elements that are worth a thread: starting one takes a tenth of a
# millisecond.
PER_THREAD = 1 << 20

# The most that the compiled loops start.
MOST_THREADS = 64


def magnify_feature(x: Tensor, region: MagnificationRegion) -> Tensor:
    """Magnify one region of all feature maps alike (Sec 3.2, LOMA_F).

    A cell ``p`` of S takes the value at the floor of ``region.source(p)``
    (Eqs 1-3), clamped to the border of the map; cells outside S keep their
    value. Where S holds fewer than two cells of the map, a plain copy is
    returned. Nothing is read back from the device of ``x``.

    Args:
        x (Tensor): Feature maps of shape (B, C, H, W) or (C, H, W), of any
            floating dtype of 16 bits or more, device and memory layout.
        region (MagnificationRegion): Centre and radius in cells, ``x`` to
            the right, ``y`` down, the first cell at (0, 0).

    Returns:
        Tensor: A new tensor of the same shape and dtype, differentiable with
        respect to ``x`` any number of times. Gradients of float16 and
        bfloat16 maps are summed in float32.

    Raises:
        TypeError: If ``x`` is not a tensor of real floats, or ``region`` not
            a region.
        ValueError: If ``x`` has not 3 or 4 dimensions.
    """
    check_feature_map(x)
    check_region(region)
    return _Gather.apply(x, _source_index(region, x), False)


def offset_feature(
    x: Tensor, tx: float, ty: float, interpolation: str = 'bilinear'
) -> Tensor:
    """Move all feature maps alike and let zeros enter (Eq 4, Sec 3.2, FO).

    The cell ``(x, y)`` of the output takes the value at ``(x - tx, y - ty)``,
    which is 0 outside the map.

    Args:
        x (Tensor): Feature maps of shape (B, C, H, W) or (C, H, W), of any
            floating dtype of 16 bits or more, device and memory layout.
        tx (float): Offset in cells, positive to the right.
        ty (float): Offset in cells, positive downwards.
        interpolation (str): 'bilinear' mixes the four neighbours, zeros
            beyond the border; 'nearest' rounds the offset to whole cells.
            Defaults to 'bilinear'.

    Returns:
        Tensor: A new tensor of the same shape and dtype, differentiable with
        respect to ``x`` any number of times.

    Raises:
        TypeError: If ``x`` is not a tensor of real floats.
        ValueError: If ``x`` has not 3 or 4 dimensions, an offset is not
            finite, or the interpolation is unknown.
    """
    check_interpolation(interpolation)
    check_feature_map(x)
    tx, ty = check_offsets(tx, ty)
    if interpolation == 'nearest':
        tx, ty = round(tx), round(ty)
    height, width = x.shape[-2:]
    return _Shift.apply(x, _split(tx, width), _split(ty, height))


def _source_index(region: MagnificationRegion, x: Tensor) -> Tensor:
    """The cell of a flattened map that each of its cells reads from.

    On a CPU it is found by magnifying the map of the cells' own numbers as an
    image; on other devices there, so that nothing is copied to or from them.

    Returns:
        Tensor: int64, of shape (H * W, ), on the device of ``x``.
    """
    height, width = x.shape[-2:]
    if _is_plain_on_cpu(x):
        cells = np.arange(height * width, dtype=np.int64).reshape(height, width)
        return torch.from_numpy(magnify_image(cells, region)).flatten()
    device = x.device
    dtype = torch.float32 if device.type in SINGLE_PRECISION else torch.float64
    x = torch.arange(width, dtype=dtype, device=device)
    y = torch.arange(height, dtype=dtype, device=device)[:, None]
    inside = region.contains(x, y)
    inside = inside & (inside.sum() > 1)
    x_o, y_o = region.source(x, y)
    # Clamped to 0 or more, truncation to integers is the floor.
    x_o = torch.where(inside, x_o.clamp(0, width - 1), x).long()
    y_o = torch.where(inside, y_o.clamp(0, height - 1), y).long()
    return (y_o * width + x_o).flatten()


def _is_plain_on_cpu(x: Tensor) -> bool:
    """Whether ``x`` has its values in a CPU's memory.

    What stands for a tensor, such as a fake one, has not.
    """
    return x.device.type == 'cpu' and type(x) in (Tensor, torch.nn.Parameter)


def _is_compiled_for(x: Tensor) -> bool:
    """Whether ``x`` is what the compiled loops work on."""
    return (
        _compiled is not None
        and _is_plain_on_cpu(x)
        and x.dtype == torch.float32
        and x.is_contiguous()
        # Nor has it a sign that is kept beside the numbers.
        and not x.is_neg()
    )


def threads_for(x: Tensor) -> int:
    """How many threads a compiled loop over ``x`` is worth."""
    most = min(torch.get_num_threads(), MOST_THREADS)
    return min(most, max(x.numel() // PER_THREAD, 1))


class _Gather(torch.autograd.Function):
    """``out[..., i] = x[..., index[i]]`` on flattened maps, or its adjoint."""

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        # Apart from forward(), as torch.func wants it.
        _, ctx.index, ctx.adjoint = inputs

    @staticmethod
    def forward(x: Tensor, index: Tensor, adjoint: bool) -> Tensor:
        if _is_compiled_for(x):
            out = torch.empty_like(x)
            _compiled.gather(
                x.detach().numpy(), out.numpy(), index.numpy(), adjoint, threads_for(x)
            )
            return out
        maps = x.flatten(-2)
        index = index.expand(maps.shape)
        # Filled through a view, not returned as one: what follows may work
        # in place.
        if adjoint:
            # Many cells read from one near the centre: 16 bits would not do
            # to sum their gradients.
            dtype = torch.promote_types(x.dtype, torch.float32)
            out = torch.zeros(x.shape, dtype=dtype, device=x.device)
            out.flatten(-2).scatter_add_(-1, index, maps.to(dtype))
            out = out.to(x.dtype)
        else:
            out = torch.empty(x.shape, dtype=x.dtype, device=x.device)
            torch.gather(maps, -1, index, out=out.flatten(-2))
        # Keep channels_last and the like.
        return out if x.is_contiguous() else torch.empty_like(x).copy_(out)

    @staticmethod
    def backward(ctx, grad):
        return _Gather.apply(grad, ctx.index, not ctx.adjoint), None, None

    @staticmethod
    def jvp(ctx, tangent, *_):
        return _Gather.apply(tangent, ctx.index, ctx.adjoint)

    @staticmethod
    def vmap(info, in_dims: tuple, x: Tensor, index: Tensor, adjoint: bool) -> tuple:
        return _Gather.apply(x.movedim(in_dims[0], 0), index, adjoint), 0


class _Shift(torch.autograd.Function):
    """The map of Eq 4 with zeros entering; its adjoint is of its own kind."""

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        ctx.offsets = inputs[1:]

    @staticmethod
    def forward(x: Tensor, horizontal: '_Offset', vertical: '_Offset') -> Tensor:
        return _shift(x, horizontal, vertical)

    @staticmethod
    def backward(ctx, grad):
        return (_Shift.apply(grad, *map(_opposite, ctx.offsets)), None, None)

    @staticmethod
    def jvp(ctx, tangent, *_):
        return _Shift.apply(tangent, *ctx.offsets)

    @staticmethod
    def vmap(info, in_dims: tuple, x: Tensor, *offsets: '_Offset') -> tuple:
        return _Shift.apply(x.movedim(in_dims[0], 0), *offsets), 0


# An offset along one axis: whole cells n and weights (w_0, w_1), such that
# out[k] = w_0 * x[k - n] + w_1 * x[k - n - 1].
_Offset = tuple[int, tuple[float, float]]


def _split(offset: float, size: int) -> _Offset:
    # Beyond the map all offsets are alike.
    offset = max(min(offset, size + 1), -size - 1)
    whole = math.floor(offset)
    fraction = offset - whole
    return whole, (1 - fraction, fraction)


def _opposite(offset: _Offset) -> _Offset:
    """The adjoint of an offset, with exactly the same weights."""
    whole, (w_0, w_1) = offset
    return (-whole - 1, (w_1, w_0)) if w_1 else (-whole, (w_0, w_1))


def _shift(x: Tensor, horizontal: _Offset, vertical: _Offset) -> Tensor:
    if _is_compiled_for(x):
        out = torch.empty_like(x)
        _compiled.shift(
            x.detach().numpy(), out.numpy(), horizontal, vertical, threads_for(x)
        )
        return out
    offsets = ((-2, vertical), (-1, horizontal))
    fractional = [offset for offset in offsets if offset[1][1][1]]
    if len(fractional) == 2:
        out = torch.empty_like(x)
        _blend_both(out, x, vertical, horizontal)
        return out
    result = out = torch.zeros_like(x)
    for dim, (whole, weights) in offsets:
        if not weights[1]:
            out, x = _overlap(out, x, dim, whole)
    if fractional:
        _blend(out, x, *fractional[0])
    else:
        out.copy_(x)
    return result


def _overlap(out: Tensor, x: Tensor, dim: int, whole: int) -> tuple[Tensor, Tensor]:
    """The parts that meet when ``x`` is moved by whole cells."""
    size = x.size(dim)
    count = max(size - abs(whole), 0)
    start = min(max(whole, 0), size)
    source = min(max(-whole, 0), size)
    return out.narrow(dim, start, count), x.narrow(dim, source, count)


def _blend(out: Tensor, x: Tensor, dim: int, offset: _Offset) -> None:
    """Write ``x`` to ``out``, moved by a fractional offset along one axis."""
    whole, (w_0, w_1) = offset
    size = x.size(dim)
    # At `whole` content enters beside a zero, at `end` it leaves beside one.
    end = whole + size
    low = min(max(whole + 1, 0), size)
    high = max(min(end, size), low)
    count = high - low
    if count:
        torch.lerp(
            x.narrow(dim, low - whole, count),
            x.narrow(dim, low - whole - 1, count),
            w_1,
            out=out.narrow(dim, low, count),
        )
    out.narrow(dim, 0, low).zero_()
    out.narrow(dim, high, size - high).zero_()
    for cell, source, weight in ((whole, 0, w_0), (end, size - 1, w_1)):
        if 0 <= cell < size:
            torch.mul(x.narrow(dim, source, 1), weight, out=out.narrow(dim, cell, 1))


def _blend_both(out: Tensor, x: Tensor, vertical: _Offset, horizontal: _Offset) -> None:
    """Move along both axes, a few maps at a time on a CPU."""
    if x.is_contiguous():
        out, x = out.flatten(0, -3), x.flatten(0, -3)
    step = max(len(x), 1)
    if x.device.type == 'cpu' and x.numel():
        step = max(CHUNK * len(x) // x.numel(), 1)
    buffer = torch.empty_like(x[:step])
    for out_part, part in zip(out.split(step), x.split(step)):
        rows = buffer[: len(part)]
        _blend(rows, part, -1, horizontal)
        _blend(out_part, rows, -2, vertical)
