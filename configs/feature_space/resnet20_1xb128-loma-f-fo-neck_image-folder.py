# LOMA_F and FO as a neck of a classifier, before pooling.
_base_ = [
    '../resnet_cifar/resnet20_1xb128_image-folder.py',
    '../_base_/feature_augments/loma_f_fo.py',
]

model = dict(
    neck=[
        dict(type='FeatureAugmentNeck', augments=[_base_.loma_f, _base_.fo], prob=0.5),
        _base_.model.neck,
    ]
)
