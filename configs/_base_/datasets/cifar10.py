data_root = 'data/cifar10'
data_help = (
    'download cifar-10-python.tar.gz from '
    'https://www.cs.toronto.edu/~kriz/cifar.html and unpack it there, or name '
    'the folder that holds cifar-10-batches-py with --cfg-options '
    'data_root=/path/to/it'
)
data_preprocessor = dict(
    num_classes=10,
    # RGB, as CIFAR's files hold it
    mean=[125.307, 122.961, 113.8575],
    std=[51.5865, 50.847, 51.255],
    to_rgb=False,
)

# The train pipeline in pieces, so that a config can put a transform between.
crop_flip = [
    dict(type='RandomCrop', crop_size=32, padding=4),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
]
pack = [dict(type='PackInputs')]
train_pipeline = [*crop_flip, *pack]

train_dataloader = dict(
    batch_size=128,
    num_workers=2,
    dataset=dict(
        type='CIFAR10', data_root=data_root, split='train', pipeline=train_pipeline
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
)

val_dataloader = dict(
    batch_size=128,
    num_workers=2,
    dataset=dict(type='CIFAR10', data_root=data_root, split='test', pipeline=pack),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='Accuracy', topk=(1,))

test_dataloader = val_dataloader
test_evaluator = val_evaluator
