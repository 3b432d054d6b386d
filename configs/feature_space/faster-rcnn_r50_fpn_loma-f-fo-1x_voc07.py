# LOMA_F and FO after a stage of a detector's backbone. The paper uses them in
# classification alone: this backbone is pretrained (Sec 4.6).
_base_ = [
    '../faster_rcnn/faster-rcnn_r50_fpn_1x_voc07.py',
    '../_base_/feature_augments/loma_f_fo.py',
]
custom_imports = dict(imports=['loma_mm'], allow_failed_imports=False)

model = dict(
    backbone=dict(
        _base_.feature_augment,
        _delete_=True,
        augments=[_base_.loma_f, _base_.fo],
        backbone=_base_.model.backbone,
    )
)
