# The same with LOMA (rhombus), boxes moved with the pixels. Not in the paper,
# which leaves boxes where they are.
_base_ = './faster-rcnn_r18_fpn_loma-rhombus-scratch-8e_custom-voc.py'

train_pipeline = [
    dict(step, labels='warp') if step.type == _base_.loma.type else step
    for step in _base_.train_pipeline
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
