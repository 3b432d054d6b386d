# A user's own instance segmentation config, as they have them.
_base_ = 'mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py'
data_root = 'data/coco/'
train_dataloader = dict(dataset=dict(metainfo=dict(classes=('zero', 'disc'))))
