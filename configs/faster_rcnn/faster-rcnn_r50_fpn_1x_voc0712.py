# Faster R-CNN, baseline, VOC07+12 trainval. Paper, Table 7: mAP 80.2.
_base_ = 'mmdet::pascal_voc/faster-rcnn_r50_fpn_1x_voc0712.py'

data_help = (
    'get VOCtrainval_06-Nov-2007.tar, VOCtest_06-Nov-2007.tar and '
    'VOCtrainval_11-May-2012.tar from http://host.robots.ox.ac.uk/pascal/VOC '
    'and extract them in data/, or keep them elsewhere and give '
    '--cfg-options data_root=/path/to/VOCdevkit/'
)

# As in MMDetection, and Table 7's columns too: the AP of each class.
val_evaluator = dict(type='loma_mm.evaluation.PerClassVOCMetric')
test_evaluator = val_evaluator
