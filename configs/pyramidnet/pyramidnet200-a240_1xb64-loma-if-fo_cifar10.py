_base_ = './pyramidnet200-a240_1xb64-loma-if_cifar10.py'

model = dict(backbone=dict(augments=[_base_.loma_f, _base_.fo]))
