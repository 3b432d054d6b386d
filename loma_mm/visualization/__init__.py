from .grid import image_grid, write_image

__all__ = ['image_grid', 'write_image']
