# The demo: handwritten digits on clutter, a few minutes on two CPU cores.
_base_ = './faster-rcnn_r18_fpn_loma-rhombus-scratch-8e_custom-voc.py'

data_help = 'make it with: python -m loma_mm make-digits voc data/digits-voc'
data_root = 'data/digits-voc/'
classes = (
    'zero',
    'one',
    'two',
    'three',
    'four',
    'five',
    'six',
    'seven',
    'eight',
    'nine',
)
model = dict(roi_head=dict(bbox_head=dict(num_classes=len(classes))))

# The scenes keep their size, and digits have no mirror images.
resize = dict(type='Resize', scale=(160, 160), keep_ratio=True)
train_pipeline = [
    resize if step.type == 'Resize' else step
    for step in _base_.train_pipeline
    if step.type != 'RandomFlip'
]
test_pipeline = [
    resize if step.type == 'Resize' else step for step in _base_.test_pipeline
]
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        data_root=data_root,
        metainfo=dict(classes=classes),
        ann_file='ImageSets/Main/train.txt',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        data_root=data_root, metainfo=dict(classes=classes), pipeline=test_pipeline
    )
)
test_dataloader = val_dataloader

max_epochs = 4
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
warmup, cosine = _base_.param_scheduler
param_scheduler = [warmup, dict(cosine, end=max_epochs, T_max=max_epochs)]

auto_scale_lr = dict(enable=False, base_batch_size=8)
default_hooks = dict(logger=dict(interval=25), checkpoint=dict(max_keep_ckpts=1))
# A page of training samples in the log, and how many of them LOMA touched.
custom_hooks = [dict(type='loma_mm.engine.TrainSamplesHook')]
randomness = dict(seed=0)
