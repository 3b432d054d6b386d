_base_ = ['./resnet50_8xb32_in1k.py', '../_base_/transforms/loma.py']

train_pipeline = [
    *_base_.crop_flip,
    dict(_base_.loma, prob=0.8, shape='ellipse'),
    *_base_.color,
    *_base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
