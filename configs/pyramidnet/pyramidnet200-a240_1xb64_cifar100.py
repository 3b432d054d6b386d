_base_ = [
    '../_base_/models/pyramidnet200-a240.py',
    '../_base_/datasets/cifar100.py',
    '../_base_/schedules/cifar_300e_pyramidnet.py',
    '../_base_/cls_runtime.py',
]

model = dict(head=dict(num_classes=100))
train_dataloader = dict(batch_size=64)
