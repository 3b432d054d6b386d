_base_ = [
    '../_base_/models/pyramidnet200-a240.py',
    '../_base_/datasets/cifar10.py',
    '../_base_/schedules/cifar_300e_pyramidnet.py',
    '../_base_/cls_runtime.py',
]

train_dataloader = dict(batch_size=64)
