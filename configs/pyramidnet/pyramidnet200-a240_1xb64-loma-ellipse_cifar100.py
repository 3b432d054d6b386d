_base_ = ['./pyramidnet200-a240_1xb64_cifar100.py', '../_base_/transforms/loma.py']

train_pipeline = [
    *_base_.crop_flip,
    dict(_base_.loma, shape='ellipse'),
    *_base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
