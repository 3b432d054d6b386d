from .cifar_resnet import CIFARResNet
from .feature_augment_backbone import FeatureAugmentBackbone
from .pyramidnet import PyramidNet
from .wide_resnet import WideResNet

__all__ = ['CIFARResNet', 'FeatureAugmentBackbone', 'PyramidNet', 'WideResNet']
