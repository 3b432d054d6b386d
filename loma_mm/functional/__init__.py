from .batch import magnify_batch
from .feature import magnify_feature, offset_feature
from .image import magnify_image
from .labels import magnify_boxes, magnify_points
from .region import MagnificationRegion

__all__ = [
    'MagnificationRegion',
    'magnify_batch',
    'magnify_boxes',
    'magnify_feature',
    'magnify_image',
    'magnify_points',
    'offset_feature',
]
