data_root = 'data/imagenet'
data_help = (
    'download ILSVRC 2012 from https://image-net.org and put it there, or '
    'keep it elsewhere and give --cfg-options data_root=/path/to/imagenet'
)
data_preprocessor = dict(
    num_classes=1000,
    # RGB
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
)

# The train pipeline in pieces, so that a config can put a transform between.
# CutMix's recipe, Sec 4.2 of the LOMA paper.
crop_flip = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=224),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
]
color = [
    dict(type='ColorJitter', brightness=0.4, contrast=0.4, saturation=0.4),
    # uint8 to float32: Lighting would wrap values around 0 and 255
    dict(type='Normalize', mean=[0, 0, 0], std=[1, 1, 1], to_rgb=False),
    dict(
        type='Lighting',
        # in the order of BGR
        eigval=[55.4625, 4.7940, 1.1475],
        eigvec=[
            [-0.5836, -0.6948, 0.4203],
            [-0.5808, -0.0045, -0.8140],
            [-0.5675, 0.7192, 0.4009],
        ],
        alphastd=0.1,
        to_rgb=False,
    ),
]
pack = [dict(type='PackInputs')]
train_pipeline = [*crop_flip, *color, *pack]

test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=256, edge='short'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]

# 8 GPUs x 32 images
train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    dataset=dict(
        type='ImageNet', data_root=data_root, split='train', pipeline=train_pipeline
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
)

val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    dataset=dict(
        type='ImageNet', data_root=data_root, split='val', pipeline=test_pipeline
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='Accuracy', topk=(1, 5))

test_dataloader = val_dataloader
test_evaluator = val_evaluator
