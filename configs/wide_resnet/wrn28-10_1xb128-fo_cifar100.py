_base_ = './wrn28-10_1xb128-loma-f_cifar100.py'

model = dict(backbone=dict(augments=[_base_.fo]))
