# Any dataset with an XML file in VOC's format for each image. For your own,
#   python -m loma_mm prepare PHOTOS --out mine.py
# writes a config that inherits one of these, or say on the command line
#   --cfg-options data_root=data/mine/ classes="[cat,dog]"
# Each of the variables below reaches every place that means it.
data_root = 'data/BCCD/'
# Below data_root, or anywhere with an absolute path.
img_dir = 'JPEGImages'
ann_dir = 'Annotations'
train_list = 'ImageSets/Main/trainval.txt'
test_list = 'ImageSets/Main/test.txt'
classes = ('RBC', 'WBC', 'Platelets')
# Images are scaled to fit into this width and height.
image_scale = (320, 240)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=image_scale, keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    # Resize clips boxes: of those outside the image nothing is left, and a box
    # without width or height has no regression target, so its loss is no number.
    # (keep_empty=False keeps an image of which no box is left, as background.)
    dict(type='FilterAnnotations', min_gt_bbox_wh=(1, 1), keep_empty=False),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_scale, keep_ratio=True),
    # After Resize: boxes stay in the coordinates of the original image.
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
# XMLDataset rather than VOCDataset: the latter takes the twenty VOC names for
# its tables wherever 'VOC2007' appears in the path. Ours takes images of any
# suffix where XMLDataset wants .jpg.
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    batch_sampler=dict(type='AspectRatioBatchSampler'),
    dataset=dict(
        type='loma_mm.datasets.AnyImageXMLDataset',
        data_root=data_root,
        img_subdir=img_dir,
        ann_subdir=ann_dir,
        metainfo=dict(classes=classes),
        ann_file=train_list,
        data_prefix=dict(sub_data_root=''),
        filter_cfg=dict(filter_empty_gt=True, bbox_min_size=1),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='loma_mm.datasets.AnyImageXMLDataset',
        data_root=data_root,
        img_subdir=img_dir,
        ann_subdir=ann_dir,
        metainfo=dict(classes=classes),
        ann_file=test_list,
        data_prefix=dict(sub_data_root=''),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type='loma_mm.evaluation.PerClassVOCMetric', metric='mAP', eval_mode='11points'
)
test_evaluator = val_evaluator
