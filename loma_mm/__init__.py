"""LOMA for OpenMMLab: importing this package registers all its modules."""

from .datasets import LocalMagnification
from .models import (
    CIFARResNet,
    FeatureAugmentBackbone,
    FeatureAugmentNeck,
    FeatureLocalMagnification,
    FeatureMapOffset,
    PyramidNet,
    RandomFeatureAugment,
    WideResNet,
)
from .version import __version__

__all__ = [
    'CIFARResNet',
    'FeatureAugmentBackbone',
    'FeatureAugmentNeck',
    'FeatureLocalMagnification',
    'FeatureMapOffset',
    'LocalMagnification',
    'PyramidNet',
    'RandomFeatureAugment',
    'WideResNet',
    '__version__',
]
