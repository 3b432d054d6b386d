# side 16 on CIFAR-100 too: the paper quotes this row from CutMix
_base_ = ['./pyramidnet200-a240_1xb64_cifar100.py', '../_base_/transforms/cutout.py']

train_pipeline = [
    *_base_.crop_flip,
    dict(_base_.cutout, pad_val=_base_.data_preprocessor.mean),
    *_base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
