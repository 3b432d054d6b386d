"""Many pictures in one, and a picture of a grid."""

from collections.abc import Sequence

import mmcv
import numpy as np

from loma_mm.files import whole_file

# Longer side of the picture of a grid and distance of its lines, in pixels.
GRID, GRID_STEP = 640, 24


def image_grid(
    images: Sequence[np.ndarray], columns: int = 4, cell: int = 400, gap: int = 8
) -> np.ndarray:
    """Lay out images row by row on white.

    Args:
        images (Sequence[np.ndarray]): uint8 images of shape (H, W, 3), of
            any sizes. Each is scaled to fit its cell and centred.
        columns (int): Cells in a row. Defaults to 4.
        cell (int): Side of a cell in pixels. Defaults to 400.
        gap (int): White pixels between cells. Defaults to 8.

    Returns:
        np.ndarray: One uint8 image of shape (H, W, 3).
    """
    rows = -(-len(images) // columns)
    grid = np.full(
        (rows * (cell + gap) + gap, columns * (cell + gap) + gap, 3), 255, np.uint8
    )
    for i, img in enumerate(images):
        img = mmcv.imrescale(img, (cell, cell))
        height, width = img.shape[:2]
        row, column = divmod(i, columns)
        y = gap + row * (cell + gap) + (cell - height) // 2
        x = gap + column * (cell + gap) + (cell - width) // 2
        grid[y : y + height, x : x + width] = img
    return grid


def grid_like(img: np.ndarray) -> np.ndarray:
    """A white image of the same proportions with a grid of grey lines."""
    width, height = mmcv.rescale_size(img.shape[1::-1], (GRID, GRID))
    grid = np.full((height, width, 3), 255, np.uint8)
    for offset in range(2):
        grid[offset::GRID_STEP] = grid[:, offset::GRID_STEP] = 90
    return grid


def write_image(img: np.ndarray, path: str) -> None:
    """Write an RGB image; a file under ``path`` is always a whole one."""
    with whole_file(path) as part:
        mmcv.imwrite(mmcv.rgb2bgr(img), part)
