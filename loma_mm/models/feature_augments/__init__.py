from .feature_local_magnification import FeatureLocalMagnification
from .feature_map_offset import FeatureMapOffset
from .random_feature_augment import RandomFeatureAugment

__all__ = ['FeatureLocalMagnification', 'FeatureMapOffset', 'RandomFeatureAugment']
