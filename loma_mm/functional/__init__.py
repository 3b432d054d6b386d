from .image import magnify_image
from .region import MagnificationRegion

__all__ = ['MagnificationRegion', 'magnify_image']
