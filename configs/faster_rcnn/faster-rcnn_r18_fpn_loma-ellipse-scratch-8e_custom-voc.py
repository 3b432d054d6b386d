# The same with LOMA (ellipse).
_base_ = './faster-rcnn_r18_fpn_loma-rhombus-scratch-8e_custom-voc.py'

train_pipeline = [
    *_base_.train_pipeline[:-3],
    dict(_base_.loma, shape='ellipse'),
    *_base_.train_pipeline[-2:],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
