# Faster R-CNN R-50, fine-tuned from MMDetection's COCO weights on any dataset in
# VOC's format. Your own dataset: see custom_voc.py. MMEngine fetches the weights,
# 160 MB; with a copy of them, --cfg-options load_from=/path/to/it.
_base_ = [
    'mmdet::_base_/models/faster-rcnn_r50_fpn.py',
    '../_base_/datasets/custom_voc.py',
    '../_base_/schedules/finetune.py',
    '../_base_/det_runtime.py',
]

load_from = (
    'https://download.openmmlab.com/mmdetection/v2.0/faster_rcnn/'
    'faster_rcnn_r50_fpn_1x_coco/'
    'faster_rcnn_r50_fpn_1x_coco_20200130-047c8118.pth'
)
model = dict(
    # The COCO weights have the backbone too.
    backbone=dict(init_cfg=None),
    roi_head=dict(bbox_head=dict(num_classes=len(_base_.classes))),
)

# As these weights were trained.
image_scale = (1333, 800)
train_pipeline = [
    dict(step, scale=image_scale) if step['type'] == 'Resize' else step
    for step in _base_.train_pipeline
]
test_pipeline = [
    dict(step, scale=image_scale) if step['type'] == 'Resize' else step
    for step in _base_.test_pipeline
]
train_dataloader = dict(num_workers=2, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(num_workers=2, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

# MMDetection's rate for 16 images, for 4.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.005, momentum=0.9, weight_decay=0.0001),
)
auto_scale_lr = dict(enable=False, base_batch_size=4)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=1))
