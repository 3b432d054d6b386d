"""What the page of ``python -m loma_mm play`` shows: pictures and a line."""

from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

import mmcv
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mmengine.visualization.utils import img_from_canvas

from loma_mm.datasets import LocalMagnification
from loma_mm.functional import magnify_boxes, magnify_image
from loma_mm.sampler import RelativeRegion

from .grid import grid_like, image_grid
from .regions import outline, outline_legend

# Longer side of an image on the page, in pixels.
SIDE = 640
BOX = (204, 121, 167)
# Whoever seeds NumPy's global generator draws before somebody else seeds it.
_SEEDED = Lock()


class Picture(NamedTuple):
    """An image on the page.

    Args:
        name (str): What the page calls it.
        image (np.ndarray): uint8 RGB of shape (H, W, 3).
        boxes (np.ndarray): float (N, 4), x1 y1 x2 y2 in pixels of ``image``.
    """

    name: str
    image: np.ndarray
    boxes: np.ndarray

    def fit(self, side: int = SIDE) -> 'Picture':
        """The same, scaled down to a longer side of ``side`` where it is larger."""
        factor = side / max(self.image.shape[:2])
        if factor >= 1:
            return self
        img = mmcv.imrescale(self.image, factor, interpolation='area')
        # Rounded to whole pixels, each side has a factor of its own.
        scale = np.divide(img.shape[1::-1], self.image.shape[1::-1])
        return Picture(self.name, img, self.boxes * np.tile(scale, 2))


def middle_box(img: np.ndarray) -> np.ndarray:
    """A box in the middle of an image without annotation, float (1, 4)."""
    height, width = img.shape[:2]
    return np.array(
        [[width // 3, height // 3, width - width // 3, height * 2 // 3]], float
    )


def config_line(transform: LocalMagnification) -> str:
    """The line of a config that builds this transform."""
    return (
        repr(transform)
        .replace('(', "(type='loma_mm.LocalMagnification', ", 1)
        .replace(type(transform).__name__, 'dict', 1)
    )


def one_region(
    shape: str, radius: float, ratio: float, axis: str, center: tuple[float, float]
) -> RelativeRegion:
    """One draw of LOMA, chosen by hand.

    Args:
        shape (str): See :class:`~loma_mm.functional.MagnificationRegion`.
        radius (float): r as a fraction of the longer side.
        ratio (float): The compression ratio of ``axis``; the other one is 1.
        axis (str): 'x' or 'y'.
        center (Tuple[float, float]): Fractions of width and height, in
            [0, 1]; 1 means the last pixel.
    """
    x, y = (min(value, 1 - 1e-9) for value in center)
    ratios = (ratio, 1.0) if axis == 'x' else (1.0, ratio)
    return RelativeRegion((x, y), radius, ratios, shape)


def draw_region(
    picture: Picture, region: RelativeRegion, interpolation: str, labels: str
) -> np.ndarray:
    """A picture and a grid, before and after LOMA in one region.

    Returns:
        np.ndarray: uint8 RGB: the image with its boxes, the magnified image
        with the boxes as ``labels`` says, the magnified grid.
    """
    img, boxes = picture.image, picture.boxes
    height, width = img.shape[:2]
    inside = region.at(height, width)
    if labels == 'warp':
        moved, kept = magnify_boxes(boxes, inside, height, width)
        moved = moved[kept]
    else:
        moved = boxes
    grid = grid_like(img)
    on_grid = region.at(*grid.shape[:2])
    # In inches, the last for titles and the legend.
    figure = Figure(figsize=(13, 13 / 3 * height / width + 0.9), layout='constrained')
    panels = (
        (f'{picture.name}, as it is', with_boxes(img, boxes), inside),
        (
            f'LOMA, boxes {"warped" if labels == "warp" else "kept"}',
            with_boxes(magnify_image(img, inside, interpolation), moved),
            inside,
        ),
        ('LOMA on a grid', magnify_image(grid, on_grid, interpolation), on_grid),
    )
    for ax, (title, panel, one) in zip(figure.subplots(1, 3), panels):
        ax.imshow(panel)
        outline(ax, one, *panel.shape[:2])
        ax.set_title(title)
        ax.set_axis_off()
    figure.legend(handles=outline_legend(), loc='outside lower center', ncols=3)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return img_from_canvas(canvas)


def with_boxes(img: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """A copy of an RGB image with boxes on it."""
    # mmcv draws at whole pixels, and its last one belongs to the box.
    inside = np.column_stack([boxes[:, :2], np.maximum(boxes[:, 2:] - 1, boxes[:, :2])])
    return mmcv.imshow_bboxes(
        img.copy(), inside.round(), colors=BOX, thickness=2, show=False
    )


def draw_page(
    pictures: Sequence[Picture],
    transform: LocalMagnification,
    seed: int,
    number: int = 12,
) -> tuple[np.ndarray, int]:
    """What a pipeline would get: random draws of a transform.

    Args:
        pictures (Sequence[Picture]): Taken in turn.
        transform (LocalMagnification): Run as it is, its probability included.
        seed (int): Of NumPy's global generator.
        number (int): How many to draw. Defaults to 12.

    Returns:
        tuple[np.ndarray, int]: One uint8 RGB picture of all, and how many of
        them LOMA touched.
    """
    samples = [pictures[i % len(pictures)] for i in range(number)]
    with _SEEDED:
        np.random.seed(seed)
        drawn = [
            transform(dict(img=one.image, gt_bboxes=one.boxes.astype(np.float32)))
            for one in samples
        ]
    page = image_grid(
        [with_boxes(one['img'], one['gt_bboxes']) for one in drawn], cell=320
    )
    return page, sum(one['loma_region'] is not None for one in drawn)
