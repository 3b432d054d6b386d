from .backbones import CIFARResNet, FeatureAugmentBackbone, PyramidNet, WideResNet
from .batch_augments import BatchLocalMagnification
from .feature_augments import (
    FeatureLocalMagnification,
    FeatureMapOffset,
    RandomFeatureAugment,
)
from .necks import FeatureAugmentNeck

__all__ = [
    'BatchLocalMagnification',
    'CIFARResNet',
    'FeatureAugmentBackbone',
    'FeatureAugmentNeck',
    'FeatureLocalMagnification',
    'FeatureMapOffset',
    'PyramidNet',
    'RandomFeatureAugment',
    'WideResNet',
]
