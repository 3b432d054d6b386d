# The classification demo: handwritten digits, about a minute on two CPU cores.
_base_ = './resnet20_1xb128-loma-if-fo_image-folder.py'

data_help = 'make it with: python -m loma_mm make-digits folder data/digits'
data_root = 'data/digits'

# Digits have no mirror images.
train_pipeline = [step for step in _base_.train_pipeline if step.type != 'RandomFlip']
train_dataloader = dict(
    batch_size=64, dataset=dict(data_root=data_root, pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader

max_epochs = 10
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=40),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(logger=dict(interval=10))
# A page of training samples in the log, and how many of them LOMA touched.
custom_hooks = [dict(type='loma_mm.engine.TrainSamplesHook')]
randomness = dict(seed=0)
auto_scale_lr = dict(base_batch_size=64)
