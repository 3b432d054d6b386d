from .grid import image_grid, write_image
from .plots import STYLE, picture_path, save_figure
from .regions import (
    add_region_arguments,
    choose_region,
    mark_center,
    outline,
    outline_legend,
)
from .samples import BeforeAfter, Sample, SampleError

__all__ = [
    'STYLE',
    'BeforeAfter',
    'Sample',
    'SampleError',
    'add_region_arguments',
    'choose_region',
    'image_grid',
    'mark_center',
    'outline',
    'outline_legend',
    'picture_path',
    'save_figure',
    'write_image',
]
