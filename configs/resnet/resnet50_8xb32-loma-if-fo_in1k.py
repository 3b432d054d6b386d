_base_ = './resnet50_8xb32-loma-if_in1k.py'

model = dict(backbone=dict(augments=[_base_.loma_f, _base_.fo]))
