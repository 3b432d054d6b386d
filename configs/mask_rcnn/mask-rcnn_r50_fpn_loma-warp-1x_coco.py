# Mask R-CNN on COCO with LOMA (rhombus), boxes and masks moved with the
# pixels. Not in the paper; its settings for VOC detection.
_base_ = [
    'mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py',
    '../_base_/transforms/loma_voc.py',
]

# After the flip, before packing (the model normalises). Masks become bitmaps.
train_pipeline = [
    *_base_.train_pipeline[:-1],
    dict(_base_.loma, labels='warp'),
    # Without what Resize left nothing of, where an image is not as its JSON says.
    dict(type='FilterAnnotations', min_gt_bbox_wh=(1, 1), keep_empty=False),
    _base_.train_pipeline[-1],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

default_hooks = dict(
    # a save that is interrupted loses nothing
    checkpoint=dict(type='loma_mm.engine.WholeCheckpointHook'),
    # no random draw is repeated; a loss that is no number ends the training
    draw_seed=dict(type='loma_mm.engine.DrawSeedHook'),
    non_finite_loss=dict(type='loma_mm.engine.NonFiniteLossHook', patience=10),
)
