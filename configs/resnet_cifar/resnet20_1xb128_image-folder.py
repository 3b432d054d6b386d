# ResNet-20 on any images of the form train/<class>/*.jpg, test/<class>/*.jpg, at
# 32 x 32 pixels.
# With 10 classes in data/image_folder it runs as it stands; for others add
#   --cfg-options data_root=/my/images model.head.num_classes=5
# and to train on the first 500 images of each class only
#   train_dataloader.dataset.ann_file=/my/list.txt
# with a list that python -m loma_mm list-images wrote.
_base_ = [
    '../_base_/models/resnet20.py',
    '../_base_/datasets/image_folder.py',
    '../_base_/schedules/image_folder_60e.py',
    '../_base_/cls_runtime.py',
]
