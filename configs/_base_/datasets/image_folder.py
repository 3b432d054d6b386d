data_root = 'data/image_folder'
data_help = (
    'put images in train/<class>/ and test/<class>/ of that folder, or name '
    'another folder with --cfg-options data_root=/path/to/images'
)
data_preprocessor = dict(
    # RGB
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
)

# Images of any size become 32 x 32 pixels, few for photographs; CIFAR's are left
# as they are. configs/finetune has a classifier of 224 x 224.
image_size = 32
load = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(image_size, image_size)),
]
# The train pipeline in pieces, so that a config can put a transform between.
crop_flip = [
    *load,
    dict(type='RandomCrop', crop_size=image_size, padding=4),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
]
pack = [dict(type='PackInputs')]
train_pipeline = [*crop_flip, *pack]

# Both splits number the classes as the folders in train; CustomDataset would number
# what each has.
train_dataloader = dict(
    batch_size=128,
    num_workers=2,
    dataset=dict(
        type='loma_mm.datasets.ClassFolders',
        data_root=data_root,
        data_prefix='train',
        class_folders='train',
        pipeline=train_pipeline,
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
)

val_dataloader = dict(
    batch_size=128,
    num_workers=2,
    dataset=dict(
        type='loma_mm.datasets.ClassFolders',
        data_root=data_root,
        data_prefix='test',
        class_folders='train',
        pipeline=[*load, *pack],
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='Accuracy', topk=(1,))

test_dataloader = val_dataloader
test_evaluator = val_evaluator
