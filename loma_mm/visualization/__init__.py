from .annotate import annotate
from .grid import grid_like, image_grid, write_image
from .plots import STYLE, save_figure
from .regions import (
    mark_center,
    outline,
    outline_legend,
)
from .samples import BeforeAfter, Sample

__all__ = [
    'STYLE',
    'BeforeAfter',
    'Sample',
    'annotate',
    'grid_like',
    'image_grid',
    'mark_center',
    'outline',
    'outline_legend',
    'save_figure',
    'write_image',
]
