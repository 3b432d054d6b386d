# ResNet-20 and WRN-28-10 on CIFAR, Sec 4.1
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
)
param_scheduler = dict(
    type='MultiStepLR', by_epoch=True, milestones=[100, 200, 265], gamma=0.1
)

train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# for --auto-scale-lr
auto_scale_lr = dict(base_batch_size=128)
