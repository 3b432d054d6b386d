"""LOMA_F and FeatureMap Offset without their random draws."""

import math

import numpy as np
import torch
from torch import Tensor

from loma_mm.checks import check_feature_map, check_interpolation

from .image import magnify_image
from .region import MagnificationRegion

try:
    from . import _feature
except ImportError:
    # Installed where there was no compiler: the same in PyTorch, slower.
    _feature = None

# Devices that cannot hold float64.
SINGLE_PRECISION = ('mps',)

# Elements handled at a time on a CPU: small enough to stay in its cache.
CHUNK = 1 << 17

# Elements that are worth a thread: starting one takes a tenth of a
# millisecond.
PER_THREAD = 1 << 20


def magnify_feature(x: Tensor, region: MagnificationRegion) -> Tensor:
    """Magnify one region of all feature maps alike (Sec 3.2, LOMA_F).

    A cell ``p`` of S takes the value at the floor of ``region.source(p)``
    (Eqs 1-3), clamped to the border of the map; cells outside S keep their
    value. Where S holds fewer than two cells of the map, a plain copy is
    returned. Nothing is read back from the device of ``x``.

    Args:
        x (Tensor): Feature maps of shape (B, C, H, W) or (C, H, W), of any
            floating dtype, device and memory layout.
        region (MagnificationRegion): Centre and radius in cells, ``x`` to
            the right, ``y`` down, the first cell at (0, 0).

    Returns:
        Tensor: A new tensor of the same shape and dtype, differentiable with
        respect to ``x`` any number of times. Gradients of float16 and
        bfloat16 maps are summed in float32.

    Raises:
        TypeError: If ``x`` is not a tensor of real floats.
        ValueError: If ``x`` has not 3 or 4 dimensions.
    """
    check_feature_map(x)
    height, width = x.shape[-2:]
    if _is_compiled_for(x):
        cells = np.arange(height * width, dtype=np.int32)
        index = magnify_image(cells.reshape(height, width), region)
    else:
        index = _source_index(region, height, width, device=x.device)
    return _Gather.apply(x, index, False)


def offset_feature(
    x: Tensor, tx: float, ty: float, interpolation: str = 'bilinear'
) -> Tensor:
    """Move all feature maps alike and let zeros enter (Eq 4, Sec 3.2, FO).

    The cell ``(x, y)`` of the output takes the value at ``(x - tx, y - ty)``,
    which is 0 outside the map.

    Args:
        x (Tensor): Feature maps of shape (B, C, H, W) or (C, H, W), of any
            floating dtype, device and memory layout.
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
    if not (math.isfinite(tx) and math.isfinite(ty)):
        raise ValueError(
            f'tx and ty must be finite numbers of cells, got {tx!r} and {ty!r}.'
        )
    if interpolation == 'nearest':
        tx, ty = round(tx), round(ty)
    return _Shift.apply(x, _split(tx), _split(ty))


def _source_index(
    region: MagnificationRegion, height: int, width: int, device: torch.device
) -> Tensor:
    """Which cell each cell of a flattened map reads from, shape (H * W, )."""
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


def _is_compiled_for(x: Tensor) -> bool:
    """Whether ``x`` is what the compiled loops work on."""
    return (
        _feature is not None
        and x.device.type == 'cpu'
        and x.dtype == torch.float32
        and x.is_contiguous()
        # and nothing that stands for a tensor, such as a fake one
        and type(x) in (Tensor, torch.nn.Parameter)
    )


def _threads(x: Tensor) -> int:
    return min(torch.get_num_threads(), max(x.numel() // PER_THREAD, 1))


class _Gather(torch.autograd.Function):
    """``out[..., i] = x[..., index[i]]`` on flattened maps, or its adjoint.

    For the compiled loop ``index`` is an int32 array of shape (H, W), else an
    int64 tensor of shape (H * W, ).
    """

    @staticmethod
    def forward(ctx, x: Tensor, index: np.ndarray | Tensor, adjoint: bool) -> Tensor:
        ctx.index, ctx.adjoint = index, adjoint
        if isinstance(index, np.ndarray):
            if _is_compiled_for(x):
                out = torch.empty_like(x)
                _feature.gather(
                    x.data_ptr(),
                    out.data_ptr(),
                    math.prod(x.shape[:-2]),
                    index,
                    adjoint,
                    _threads(x),
                )
                return out
            # A gradient in another layout.
            index = torch.from_numpy(index).flatten().long()
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


class _Shift(torch.autograd.Function):
    """The map of Eq 4 with zeros entering; its adjoint is of its own kind."""

    @staticmethod
    def forward(ctx, x, horizontal, vertical):
        ctx.offsets = horizontal, vertical
        return _shift(x, horizontal, vertical)

    @staticmethod
    def backward(ctx, grad):
        return (_Shift.apply(grad, *map(_opposite, ctx.offsets)), None, None)


# An offset along one axis: whole cells n and weights (w_0, w_1), such that
# out[k] = w_0 * x[k - n] + w_1 * x[k - n - 1].
_Offset = tuple[int, tuple[float, float]]


def _split(offset: float) -> _Offset:
    whole = math.floor(offset)
    fraction = offset - whole
    return whole, (1 - fraction, fraction)


def _within(offset: _Offset, size: int) -> _Offset:
    """The same for maps of this size, in small integers."""
    whole, weights = offset
    return max(min(whole, size), -size - 1), weights


def _opposite(offset: _Offset) -> _Offset:
    """The adjoint of an offset, with exactly the same weights."""
    whole, (w_0, w_1) = offset
    return (-whole - 1, (w_1, w_0)) if w_1 else (-whole, (w_0, w_1))


def _shift(x: Tensor, horizontal: _Offset, vertical: _Offset) -> Tensor:
    if _is_compiled_for(x):
        out = torch.empty_like(x)
        height, width = x.shape[-2:]
        _feature.shift(
            x.data_ptr(),
            out.data_ptr(),
            math.prod(x.shape[:-2]),
            height,
            width,
            _within(horizontal, width),
            _within(vertical, height),
            _threads(x),
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
