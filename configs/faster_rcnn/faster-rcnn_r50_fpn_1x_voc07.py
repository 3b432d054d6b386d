# Faster R-CNN, baseline, VOC07 trainval. Paper, Table 7: mAP 72.5.
_base_ = './faster-rcnn_r50_fpn_1x_voc0712.py'

# The first of the two datasets is VOC07.
train_dataloader = dict(
    dataset=dict(
        dataset=dict(datasets=_base_.train_dataloader.dataset.dataset.datasets[:1])
    )
)
