# ResNet-50, fine-tuned from MMPretrain's ImageNet weights on any images of the form
# train/<class>/*.jpg, test/<class>/*.jpg, at 224 x 224 pixels. MMEngine fetches the
# weights, 98 MB; with a copy of them, --cfg-options
#   model.backbone.init_cfg.checkpoint=/path/to/it
_base_ = [
    'mmpretrain::_base_/models/resnet50.py',
    '../_base_/datasets/image_folder.py',
    '../_base_/schedules/finetune.py',
    '../_base_/cls_runtime.py',
]

model = dict(
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/'
            'resnet50_8xb32_in1k_20210831-ea4938fc.pth',
            prefix='backbone',
        )
    ),
    # For more than 10 classes, --cfg-options model.head.num_classes=N.
    head=dict(num_classes=10, topk=(1,)),
)

image_size = 224
# The train pipeline in pieces, so that a config can put a transform between.
crop_flip = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=image_size),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
]
train_pipeline = [*crop_flip, *_base_.pack]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=image_size, edge='short'),
    dict(type='CenterCrop', crop_size=image_size),
    *_base_.pack,
]
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=32, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-4)
)
auto_scale_lr = dict(base_batch_size=32)
