# side 112: the paper quotes this row from CutMix
_base_ = ['./resnet50_8xb32_in1k.py', '../_base_/transforms/cutout.py']

train_pipeline = [
    *_base_.crop_flip,
    *_base_.color,
    dict(_base_.cutout, shape=112, pad_val=_base_.data_preprocessor.mean[::-1]),
    *_base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
