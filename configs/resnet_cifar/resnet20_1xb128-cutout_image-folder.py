_base_ = ['./resnet20_1xb128_image-folder.py', '../_base_/transforms/cutout.py']

train_pipeline = [
    *_base_.crop_flip,
    dict(_base_.cutout, pad_val=_base_.data_preprocessor.mean[::-1]),
    *_base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
