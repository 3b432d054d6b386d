# The same with LOMA (rhombus), the paper's settings for VOC.
_base_ = [
    './faster-rcnn_r18_fpn_scratch-8e_custom-voc.py',
    '../_base_/transforms/loma_voc.py',
]

# After the flip, before filtering and packing (the model normalises).
train_pipeline = [
    *_base_.train_pipeline[:-2],
    _base_.loma,
    *_base_.train_pipeline[-2:],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
