from .feature import magnify_feature, offset_feature
from .image import magnify_image
from .region import MagnificationRegion

__all__ = ['MagnificationRegion', 'magnify_feature', 'magnify_image', 'offset_feature']
