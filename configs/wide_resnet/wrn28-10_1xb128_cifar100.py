_base_ = [
    '../_base_/models/wrn28-10.py',
    '../_base_/datasets/cifar100.py',
    '../_base_/schedules/cifar_300e.py',
    '../_base_/cls_runtime.py',
]

model = dict(head=dict(num_classes=100))
