# A small Faster R-CNN for any dataset in VOC layout, from scratch; as it
# stands, for the blood cells of BCCD. Your own dataset: see custom_voc.py.
_base_ = [
    '../_base_/models/faster-rcnn_r18_fpn_scratch.py',
    '../_base_/datasets/custom_voc.py',
    '../_base_/schedules/small_scratch.py',
    '../_base_/det_runtime.py',
]

model = dict(roi_head=dict(bbox_head=dict(num_classes=len(_base_.classes))))
auto_scale_lr = dict(enable=False, base_batch_size=4)
