from .feature_augment_neck import FeatureAugmentNeck

__all__ = ['FeatureAugmentNeck']
