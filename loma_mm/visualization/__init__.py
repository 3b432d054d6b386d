from .grid import image_grid, write_image
from .plots import STYLE, save_figure

__all__ = ['STYLE', 'image_grid', 'save_figure', 'write_image']
