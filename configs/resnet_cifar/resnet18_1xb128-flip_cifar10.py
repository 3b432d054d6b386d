_base_ = './resnet18_1xb128_cifar10.py'

train_pipeline = [*_base_.crop_flip[1:], *_base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
