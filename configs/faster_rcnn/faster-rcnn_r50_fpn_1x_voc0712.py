# Faster R-CNN, baseline, VOC07+12 trainval. Paper, Table 7: mAP 80.2.
_base_ = 'mmdet::pascal_voc/faster-rcnn_r50_fpn_1x_voc0712.py'

data_help = (
    'get VOCtrainval_06-Nov-2007.tar, VOCtest_06-Nov-2007.tar and '
    'VOCtrainval_11-May-2012.tar from http://host.robots.ox.ac.uk/pascal/VOC '
    'and extract them in data/, or keep them elsewhere and give '
    '--cfg-options data_root=/path/to/VOCdevkit/'
)

# Resize clips boxes: of those outside the image nothing is left, and a box
# without width or height has no regression target, so its loss is no number.
# (keep_empty=False keeps an image of which no box is left, as background.)
train_pipeline = [
    *_base_.train_pipeline[:-1],
    dict(type='FilterAnnotations', min_gt_bbox_wh=(1, 1), keep_empty=False),
    _base_.train_pipeline[-1],
]
train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            datasets=[
                dict(voc, pipeline=train_pipeline)
                for voc in _base_.train_dataloader.dataset.dataset.datasets
            ]
        )
    )
)

# As in MMDetection, and Table 7's columns too: the AP of each class.
val_evaluator = dict(type='loma_mm.evaluation.PerClassVOCMetric')
test_evaluator = val_evaluator

default_hooks = dict(
    # a save that is interrupted loses nothing
    checkpoint=dict(type='loma_mm.engine.WholeCheckpointHook'),
    # no random draw is repeated; a loss that is no number ends the training
    draw_seed=dict(type='loma_mm.engine.DrawSeedHook'),
    non_finite_loss=dict(type='loma_mm.engine.NonFiniteLossHook', patience=10),
)
