_base_ = ['./resnet50_8xb32_in1k.py', '../_base_/transforms/random_erasing.py']

train_pipeline = [*_base_.crop_flip, *_base_.color, _base_.random_erasing, *_base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
