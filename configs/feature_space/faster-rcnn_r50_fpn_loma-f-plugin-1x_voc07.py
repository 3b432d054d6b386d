# LOMA_F as an mmcv plugin layer, after the 3x3 convolution of every block of
# the second stage of MMDetection's ResNet.
_base_ = [
    '../faster_rcnn/faster-rcnn_r50_fpn_1x_voc07.py',
    '../_base_/feature_augments/loma_f_fo.py',
]
custom_imports = dict(imports=['loma_mm'], allow_failed_imports=False)

model = dict(
    backbone=dict(
        plugins=[
            dict(
                cfg=dict(
                    type='RandomFeatureAugment', augments=[_base_.loma_f], prob=0.5
                ),
                stages=(False, True, False, False),
                position='after_conv2',
            )
        ]
    )
)
