# ResNet-50, fine-tuned from ImageNet weights with LOMA, the paper's settings for
# ImageNet.
_base_ = [
    './resnet50_1xb32-in1k-12e_image-folder.py',
    '../_base_/transforms/loma.py',
]

train_pipeline = [*_base_.crop_flip, dict(_base_.loma, prob=0.8), *_base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
