_base_ = [
    './resnet50_8xb32-loma-rhombus_in1k.py',
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
