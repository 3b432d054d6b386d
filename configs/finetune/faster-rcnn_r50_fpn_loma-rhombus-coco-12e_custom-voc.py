# Faster R-CNN R-50, fine-tuned from COCO weights with LOMA (rhombus).
_base_ = [
    './faster-rcnn_r50_fpn_coco-12e_custom-voc.py',
    '../_base_/transforms/loma_voc.py',
]

# After the flip, before filtering and packing (the model normalises).
train_pipeline = [
    *_base_.train_pipeline[:-2],
    _base_.loma,
    *_base_.train_pipeline[-2:],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
