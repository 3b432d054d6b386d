"""LOMA on a whole batch of images, a region for each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.forward_ad import unpack_dual

from loma_mm.checks import SHAPES, check_batch, check_count
from loma_mm.names import shown

from .feature import SINGLE_PRECISION, threads_for
from .image import _compiled, is_compiled
from .region import LEAST_RADIUS, MagnificationRegion, RegionTable

# A size (h, w) in pixels.
Size = tuple[int, int]

# Pixels are moved as they are: their bits stand for themselves, in types too
# that NumPy lacks.
BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def magnify_batch(
    x: Tensor,
    regions: Sequence[MagnificationRegion | None],
    sizes: Sequence[Size] | None = None,
) -> Tensor:
    """Magnify a region of each image: :func:`magnify_image` for a batch.

    Nearest, with the same pixels as ``magnify_image``. Nothing is read back
    from the device of ``x``, and off the CPU no step is taken image by image.

    Args:
        x (Tensor): Images of shape (B, C, H, W), of any dtype, device and
            memory layout. It is never written to.
        regions (Sequence[MagnificationRegion | None]): B regions in pixels,
            ``x`` to the right, ``y`` down, the first pixel at (0, 0); None
            leaves an image as it is. A :class:`RegionTable`, such as
            ``RegionSampler.draw_batch`` gives, costs no step for each.
        sizes (Sequence[Tuple[int, int]], optional): ``(h, w)`` of each
            image within H x W: what is below and right of it is padding,
            which is neither moved nor read. Defaults to None: no padding.

    Returns:
        Tensor: A new tensor of the same shape, dtype and device,
        differentiable with respect to ``x``.

    Raises:
        TypeError: If ``x`` is not a tensor, ``regions`` or ``sizes`` no
            sequence, or a region of another type.
        ValueError: If ``x`` has not 4 dimensions, or there are not B regions
            or sizes, or a size is not two whole numbers within H x W.

    Example:
        >>> region = MagnificationRegion((4, 4), radius=3)
        >>> magnify_batch(torch.rand(2, 3, 8, 8), [region, None]).shape
        torch.Size([2, 3, 8, 8])
    """
    return magnify_table(x, *_check(x, regions, sizes))


def magnify_table(x: Tensor, regions: RegionTable, sizes: np.ndarray) -> Tensor:
    """:func:`magnify_batch` without checks; ``sizes`` int64 of shape (B, 2)."""
    # NumPy knows no gradient, backwards or forwards, no trace and no tensor that
    # stands for another.
    in_numpy = (
        is_compiled()
        and x.element_size() in BITS
        and x.device.type == 'cpu'
        and type(x) in (Tensor, torch.nn.Parameter)
        # Nor a sign that is kept beside the numbers.
        and not (x.is_neg() or x.is_conj())
        and not (x.requires_grad and torch.is_grad_enabled())
        and not torch.jit.is_tracing()
    )
    if in_numpy:
        out = _magnify_compiled(x, regions.numbers, sizes)
        if out is not None:
            return out
    drawn = regions.numbers[:, 5] >= 0
    if not drawn.any():
        return x.clone()
    # Without a region: no pixel.
    index = _source_index(x, regions.numbers, sizes * drawn[:, None])
    index = index[:, None].expand(-1, x.size(1), -1)
    flat = x.flatten(-2)
    # torch gathers no floats of 8 bits, and no complex numbers of two of 16.
    if x.dtype == torch.complex32:
        flat = flat.to(torch.complex64)
    elif x.is_floating_point() and x.element_size() == 1:
        flat = flat.float()
    return flat.gather(-1, index).view(x.shape).to(x.dtype)


def _check(
    x: Tensor, regions: Sequence, sizes: Sequence | None
) -> tuple[RegionTable, np.ndarray]:
    """The regions and sizes as arrays, or an error."""
    check_batch(x)
    count, _, height, width = x.shape
    for name, value in (('regions', regions), ('sizes', sizes)):
        if name == 'sizes' and value is None:
            continue
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
            raise TypeError(
                f'{name} must be a list with one entry for each image, got '
                f'{type(value).__name__}.'
            )
        if len(value) != count:
            raise ValueError(
                f'{name} must have one entry for each of the {count} images, '
                f'got {len(value)}.'
            )
    if sizes is not None:
        sizes = [_check_size(size, height, width) for size in sizes]
    if not isinstance(regions, RegionTable):
        for region in regions:
            if region is not None and not isinstance(region, MagnificationRegion):
                raise TypeError(
                    'regions must be made of MagnificationRegion and None, got '
                    f'{type(region).__name__}.'
                )
        regions = RegionTable.of(regions)
    return regions, sizes_of(x, sizes)


def sizes_of(x: Tensor, sizes: Sequence[Size] | None) -> np.ndarray:
    """``(h, w)`` of each image, int64 of shape (B, 2); None: no padding."""
    array = np.empty((len(x), 2), np.int64)
    array[:] = sizes or x.shape[-2:]
    return array


def _check_size(size: Any, height: int, width: int) -> Size:
    if not isinstance(size, (list, tuple)) or len(size) != 2:
        raise ValueError(f'sizes must be made of pairs (h, w), got {shown(size)}.')
    h, w = (check_count('a number of sizes', side) for side in size)
    if h > height or w > width:
        raise ValueError(
            f'sizes must lie within the {height} x {width} pixels of x, got ({h}, {w}).'
        )
    return h, w


def _magnify_compiled(
    x: Tensor, numbers: np.ndarray, sizes: np.ndarray
) -> Tensor | None:
    """In a CPU's memory; None where the compiled loop cannot do it."""
    dtype = BITS[x.element_size()]
    try:
        if unpack_dual(x).tangent is not None:
            return None
        source = x.detach().view(dtype).numpy()
    except RuntimeError:
        # In torch.func's vmap it has no memory of its own.
        return None
    last = torch.channels_last
    keep = x.is_contiguous(memory_format=last) and not x.is_contiguous()
    out = torch.empty_like(x, memory_format=last if keep else torch.contiguous_format)
    target = out.view(dtype).numpy()
    done = _compiled.magnify_batch(source, target, numbers, sizes, threads_for(x))
    return out if done else None


class _Regions(MagnificationRegion):
    """The equations for many regions at once, relative to their centres.

    Radius and ratios are tensors, made of regions that are checked already.
    """

    radius: Any

    def __post_init__(self) -> None:
        pass

    def _divisor(self) -> Tensor:
        return self.radius.clamp(min=LEAST_RADIUS)


def _source_index(x: Tensor, numbers: np.ndarray, sizes: np.ndarray) -> Tensor:
    """Which pixel each one of the flattened images reads, shape (B, H * W)."""
    height, width = x.shape[-2:]
    single = x.device.type in SINGLE_PRECISION
    dtype = torch.float32 if single else torch.float64
    # Through pageable memory, for which no device waits.
    table: Any = torch.from_numpy(np.hstack([numbers, sizes]))
    table = table.to(dtype).to(x.device, non_blocking=True)
    x_c, y_c, radius, a_x, a_y, kind, h, w = table.view(-1, 8, 1, 1).unbind(1)
    i = torch.arange(width, dtype=dtype, device=x.device)
    j = torch.arange(height, dtype=dtype, device=x.device)[:, None]
    dx, dy = i - x_c, j - y_c

    inside = (i < w) & (j < h)
    present = {SHAPES[int(kind)] for kind in np.unique(numbers[:, 5]) if kind >= 0}
    shapes = {
        shape: _Regions((0.0, 0.0), radius, (a_x, a_y), shape) for shape in present
    }
    for shape, equations in shapes.items():
        other = kind != SHAPES.index(shape)
        inside = inside & (equations.contains(dx, dy) | other)
    inside = inside & (inside.sum((1, 2), keepdim=True) > 1)

    # Eq 3 is one for all shapes.
    x_o, y_o = equations.source(dx, dy)
    x_o, y_o = x_o + x_c, y_o + y_c
    # Clamped to 0 or more, truncation to integers is the floor.
    x_o = torch.where(inside, torch.minimum(x_o.clamp(min=0), w - 1), i).long()
    y_o = torch.where(inside, torch.minimum(y_o.clamp(min=0), h - 1), j).long()
    return (y_o * width + x_o).flatten(1)
