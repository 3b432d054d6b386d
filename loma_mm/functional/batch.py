"""LOMA on a whole batch of images, a region for each."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from loma_mm.checks import SHAPES

from .feature import SINGLE_PRECISION, threads_for
from .image import _compiled, is_compiled
from .region import LEAST_RADIUS, MagnificationRegion

# A size (h, w) in pixels.
Size = tuple[int, int]


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
            leaves an image as it is.
        sizes (Sequence[Tuple[int, int]], optional): ``(h, w)`` of each
            image within H x W: what is below and right of it is padding,
            which is neither moved nor read. Defaults to None: no padding.

    Returns:
        Tensor: A new tensor of the same shape, dtype and device,
        differentiable with respect to ``x``.

    Raises:
        TypeError: If ``x`` is not a tensor, or a region is of another type.
        ValueError: If ``x`` has not 4 dimensions, or there are not B regions
            or sizes, or a size is larger than H x W.

    Example:
        >>> region = MagnificationRegion((4, 4), radius=3)
        >>> magnify_batch(torch.rand(2, 3, 8, 8), [region, None]).shape
        torch.Size([2, 3, 8, 8])
    """
    sizes = _check(x, regions, sizes)
    # NumPy knows no gradient, and no tensor that stands for another.
    in_numpy = (
        is_compiled()
        and x.device.type == 'cpu'
        and type(x) in (Tensor, torch.nn.Parameter)
        and not (x.requires_grad and torch.is_grad_enabled())
    )
    numbers = _numbers(regions, sizes)
    if in_numpy:
        out = _magnify_compiled(x, numbers)
        if out is not None:
            return out
    if not any(numbers):
        return x.clone()
    index = _source_index(x, numbers)
    index = index[:, None].expand(-1, x.size(1), -1)
    return x.flatten(-2).gather(-1, index).view(x.shape)


def _check(x: Tensor, regions: Sequence, sizes: Sequence | None) -> Sequence[Size]:
    """The size of each image, or an error."""
    if not isinstance(x, Tensor):
        raise TypeError(f'x must be a tensor, got {type(x).__name__}.')
    if x.ndim != 4:
        raise ValueError(f'x must have shape (B, C, H, W), got {tuple(x.shape)}.')
    count, _, height, width = x.shape
    if sizes is None:
        sizes = [(height, width)] * count
    for name, value in (('regions', regions), ('sizes', sizes)):
        if len(value) != count:
            raise ValueError(
                f'{name} must have one entry for each of the {count} images, '
                f'got {len(value)}.'
            )
    for region in regions:
        if region is not None and not isinstance(region, MagnificationRegion):
            raise TypeError(
                'regions must be made of MagnificationRegion and None, got '
                f'{type(region).__name__}.'
            )
    for h, w in sizes:
        if not (0 <= h <= height and 0 <= w <= width):
            raise ValueError(
                f'sizes must lie within the {height} x {width} pixels of x, '
                f'got ({h}, {w}).'
            )
    return sizes


def _magnify_compiled(x: Tensor, numbers: list[tuple | None]) -> Tensor | None:
    """In a CPU's memory; None where the compiled loop cannot do it."""
    last = torch.channels_last
    keep = x.is_contiguous(memory_format=last) and not x.is_contiguous()
    out = torch.empty_like(x, memory_format=last if keep else torch.contiguous_format)
    # Pixels are moved as they are: their bits stand for themselves, in types
    # too that NumPy lacks.
    bits = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    dtype = bits.get(x.element_size(), x.dtype)
    source, target = (t.detach().view(dtype).numpy() for t in (x, out))
    done = _compiled.magnify_batch(source, target, numbers, threads_for(x))
    return out if done else None


def _numbers(
    regions: Sequence[MagnificationRegion | None], sizes: Sequence[Size]
) -> list[tuple | None]:
    """``x_c, y_c, r, a_x, a_y, shape, h, w`` of each image with a region."""
    kinds = {shape: kind for kind, shape in enumerate(SHAPES)}
    return [
        None
        if region is None
        else (
            *region.center,
            region.radius,
            *region.ratios,
            kinds[region.shape],
            *size,
        )
        for region, size in zip(regions, sizes)
    ]


class _Regions(MagnificationRegion):
    """The equations for many regions at once, relative to their centres.

    Radius and ratios are tensors, made of regions that are checked already.
    """

    radius: Any

    def __post_init__(self) -> None:
        pass

    def _divisor(self) -> Tensor:
        return self.radius.clamp(min=LEAST_RADIUS)


def _source_index(x: Tensor, numbers: list[tuple | None]) -> Tensor:
    """Which pixel each one of the flattened images reads, shape (B, H * W)."""
    height, width = x.shape[-2:]
    single = x.device.type in SINGLE_PRECISION
    dtype = torch.float32 if single else torch.float64
    # without a region: no pixel
    rows = [row or (0, 0, 1, 1, 1, 0, 0, 0) for row in numbers]
    # Through pageable memory, for which no device waits.
    table: Any = torch.tensor(rows, dtype=dtype).to(x.device, non_blocking=True)
    x_c, y_c, radius, a_x, a_y, kind, h, w = table.view(-1, 8, 1, 1).unbind(1)
    i = torch.arange(width, dtype=dtype, device=x.device)
    j = torch.arange(height, dtype=dtype, device=x.device)[:, None]
    dx, dy = i - x_c, j - y_c

    inside = (i < w) & (j < h)
    present = {SHAPES[row[5]] for row in numbers if row}
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
