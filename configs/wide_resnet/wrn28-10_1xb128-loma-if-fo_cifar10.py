_base_ = [
    './wrn28-10_1xb128-loma-rhombus_cifar10.py',
    '../_base_/feature_augments/loma_f_fo.py',
]

model = dict(
    backbone=dict(
        _base_.feature_augment,
        _delete_=True,
        augments=[_base_.loma_f, _base_.fo],
        backbone=_base_.model.backbone,
    )
)
