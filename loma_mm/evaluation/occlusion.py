"""Robustness to occlusion, Sec 4.4 and Fig 7 of the paper."""

from typing import Any

import torch
from torch import Tensor

from loma_mm.checks import check_choice, check_count

OCCLUSIONS = ('center', 'boundary')


def occlude(images: Tensor, kind: str, size: int) -> Tensor:
    """Fill zeros in or outside a square at the centre of images.

    The protocol of CutMix, which Sec 4.4 of the paper follows. The first row
    and column of the square are ``(H - size) // 2`` and ``(W - size) // 2``;
    where an image is smaller than the square, all of it is inside.

    Args:
        images (Tensor): Any tensor of shape (..., H, W).
        kind (str): 'center' zeroes the square, 'boundary' all that is
            outside of it.
        size (int): Side of the square in pixels. Center occlusion of size 0
            leaves images as they are, boundary occlusion nothing of them.

    Returns:
        Tensor: A new tensor of the same shape and dtype.

    Raises:
        TypeError: If ``images`` is not a tensor.
        ValueError: If it has fewer than 2 dimensions, or there is no such
            kind of occlusion or no such size.
    """
    if not isinstance(images, Tensor):
        raise TypeError(f'images must be a tensor, got {type(images).__name__}.')
    if images.ndim < 2:
        raise ValueError(
            f'images must have shape (..., H, W), got {tuple(images.shape)}.'
        )
    check_occlusion(kind, size)
    square = torch.zeros(images.shape[-2:], dtype=torch.bool, device=images.device)
    rows, columns = (
        slice(max(0, (side - size) // 2), max(0, (side - size) // 2) + size)
        for side in square.shape
    )
    square[rows, columns] = True
    return images.masked_fill(square if kind == 'center' else ~square, 0)


def check_occlusion(kind: Any, size: Any) -> None:
    """Raise a ValueError if :func:`occlude` does not know this."""
    check_choice('kind', kind, OCCLUSIONS)
    check_count('size', size)


def occlusion_name(kind: str, size: int) -> str:
    """What the metrics of an occlusion are prefixed with."""
    return f'{kind}_{size}'
