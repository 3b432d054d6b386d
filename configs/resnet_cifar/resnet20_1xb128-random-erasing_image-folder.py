_base_ = ['./resnet20_1xb128_image-folder.py', '../_base_/transforms/random_erasing.py']

train_pipeline = [*_base_.crop_flip, _base_.random_erasing, *_base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
