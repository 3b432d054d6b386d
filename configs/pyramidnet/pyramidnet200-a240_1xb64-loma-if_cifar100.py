_base_ = [
    './pyramidnet200-a240_1xb64-loma-rhombus_cifar100.py',
    '../_base_/feature_augments/loma_f_fo.py',
]

model = dict(
    backbone=dict(
        _base_.feature_augment,
        _delete_=True,
        augments=[_base_.loma_f],
        backbone=_base_.model.backbone,
    )
)
