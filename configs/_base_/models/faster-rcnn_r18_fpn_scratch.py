# Faster R-CNN small enough to train from scratch on a few CPU cores.
_base_ = 'mmdet::_base_/models/faster-rcnn_r50_fpn.py'

channels = 96
model = dict(
    backbone=dict(
        depth=18,
        # From scratch: nothing to freeze, and batch statistics to learn.
        frozen_stages=-1,
        norm_eval=False,
        init_cfg=None,
    ),
    neck=dict(in_channels=[64, 128, 256, 512], out_channels=channels),
    rpn_head=dict(
        in_channels=channels,
        feat_channels=channels,
        # Small images, small objects: anchors from 16 pixels.
        anchor_generator=dict(scales=[4]),
    ),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=channels),
        bbox_head=dict(in_channels=channels, fc_out_channels=256),
    ),
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=500, max_per_img=256),
        rcnn=dict(sampler=dict(num=128)),
    ),
    test_cfg=dict(rpn=dict(nms_pre=500, max_per_img=256)),
)
