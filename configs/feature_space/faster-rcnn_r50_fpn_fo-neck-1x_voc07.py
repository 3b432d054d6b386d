# FO after the FPN of a detector, on its two finest levels. A list of necks
# numbers the keys of a checkpoint: the FPN is neck.0 here.
_base_ = [
    '../faster_rcnn/faster-rcnn_r50_fpn_1x_voc07.py',
    '../_base_/feature_augments/loma_f_fo.py',
]
custom_imports = dict(imports=['loma_mm'], allow_failed_imports=False)

model = dict(
    neck=[
        _base_.model.neck,
        dict(type='FeatureAugmentNeck', augments=[_base_.fo], prob=0.5, levels=(0, 1)),
    ]
)
