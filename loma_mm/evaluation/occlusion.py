"""Robustness to occlusion, Sec 4.4 and Fig 7 of the paper."""

import torch
from torch import Tensor

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
        ValueError: If there is no such kind of occlusion or no such size.
    """
    check_occlusion(kind, size)
    square = torch.zeros(images.shape[-2:], dtype=torch.bool, device=images.device)
    rows, columns = (
        slice(max(0, (side - size) // 2), max(0, (side - size) // 2) + size)
        for side in square.shape
    )
    square[rows, columns] = True
    return images.masked_fill(square if kind == 'center' else ~square, 0)


def check_occlusion(kind: str, size: int) -> None:
    """Raise a ValueError if :func:`occlude` does not know this."""
    if kind not in OCCLUSIONS:
        raise ValueError(
            f'The kind of an occlusion must be one of {OCCLUSIONS}, got {kind!r}.'
        )
    if not isinstance(size, int) or size < 0:
        raise ValueError(
            'The size of an occlusion must be a whole number of '
            f'pixels from 0 on, got {size!r}.'
        )


def occlusion_name(kind: str, size: int) -> str:
    """What the metrics of an occlusion are prefixed with."""
    return f'{kind}_{size}'
