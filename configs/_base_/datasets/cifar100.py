_base_ = './cifar10.py'

data_root = 'data/cifar100'
data_help = (
    'download cifar-100-python.tar.gz from '
    'https://www.cs.toronto.edu/~kriz/cifar.html and unpack it there, or name '
    'the folder that holds cifar-100-python with --cfg-options '
    'data_root=/path/to/it'
)
data_preprocessor = dict(
    num_classes=100, mean=[129.304, 124.070, 112.434], std=[68.170, 65.392, 70.418]
)

cifar100 = dict(type='CIFAR100', data_root=data_root)
train_dataloader = dict(dataset=cifar100)
val_dataloader = dict(dataset=cifar100)
test_dataloader = val_dataloader
