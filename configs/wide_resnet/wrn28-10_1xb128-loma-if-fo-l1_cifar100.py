_base_ = './wrn28-10_1xb128-loma-if-fo_cifar100.py'

model = dict(backbone=dict(after='layer1'))
