_base_ = './resnet20_1xb128-loma-rhombus_cifar10.py'

train_pipeline = [
    *_base_.crop_flip,
    dict(_base_.loma, ratio_range=(1.0, 4.0)),
    *_base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
