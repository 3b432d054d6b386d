from .backbones import CIFARResNet, FeatureAugmentBackbone, PyramidNet, WideResNet
from .feature_augments import (
    FeatureLocalMagnification,
    FeatureMapOffset,
    RandomFeatureAugment,
)
from .necks import FeatureAugmentNeck

__all__ = [
    'CIFARResNet',
    'FeatureAugmentBackbone',
    'FeatureAugmentNeck',
    'FeatureLocalMagnification',
    'FeatureMapOffset',
    'PyramidNet',
    'RandomFeatureAugment',
    'WideResNet',
]
