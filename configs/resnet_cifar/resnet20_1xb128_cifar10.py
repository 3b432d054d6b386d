_base_ = [
    '../_base_/models/resnet20.py',
    '../_base_/datasets/cifar10.py',
    '../_base_/schedules/cifar_300e.py',
    '../_base_/cls_runtime.py',
]
