_base_ = './resnet20_1xb128-loma-if_cifar10.py'

model = dict(backbone=dict(augments=[_base_.loma_f, _base_.fo]))
