# Faster R-CNN, LOMA (ellipse), VOC07+12 trainval. Paper, Table 7: mAP 80.5.
_base_ = ['./faster-rcnn_r50_fpn_1x_voc0712.py', '../_base_/transforms/loma_voc.py']

loma = dict(_base_.loma, shape='ellipse')
# After the flip, before filtering and packing (the model normalises).
train_pipeline = [*_base_.train_pipeline[:-2], loma, *_base_.train_pipeline[-2:]]
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
