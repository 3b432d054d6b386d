_base_ = ['./pyramidnet200-a240_1xb64_cifar10.py', '../_base_/transforms/loma.py']

train_pipeline = [*_base_.crop_flip, _base_.loma, *_base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
