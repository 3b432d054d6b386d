"""A config of one's own, which inherits a shipped one."""

import os.path as osp
from typing import Any

from loma_mm.running import load_config

from .found import Found

# By what is to be trained and --model: the shipped config without LOMA and with.
MODELS = {
    'detector': {
        'small': (
            'faster-rcnn_r18_fpn_scratch-8e_custom-voc',
            'faster-rcnn_r18_fpn_loma-rhombus-scratch-8e_custom-voc',
        ),
        'r50': (
            'faster-rcnn_r50_fpn_coco-12e_custom-voc',
            'faster-rcnn_r50_fpn_loma-rhombus-coco-12e_custom-voc',
        ),
    },
    'classifier': {
        'small': (
            'resnet20_1xb128_image-folder',
            'resnet20_1xb128-loma_image-folder',
        ),
        'r50': (
            'resnet50_1xb32-in1k-12e_image-folder',
            'resnet50_1xb32-loma-in1k-12e_image-folder',
        ),
    },
}

# What each of them is.
ABOUT = {
    'detector': {
        'small': 'a small Faster R-CNN (R-18) from scratch, on images scaled into '
        '{0[0]} x {0[1]} pixels; --model r50 starts from COCO weights',
        'r50': 'Faster R-CNN R-50 from COCO weights, which the first training '
        'downloads (160 MB), on images scaled into {0[0]} x {0[1]} pixels',
    },
    'classifier': {
        'small': 'ResNet-20 from scratch, which sees {0} x {0} pixels of each image; '
        '--model r50 sees more and starts from ImageNet weights',
        'r50': 'ResNet-50 from ImageNet weights, which the first training downloads '
        '(98 MB), on {0} x {0} pixels',
    },
}

HEAD = """\
# Written by python -m loma_mm prepare; yours to edit. The variables say what is
# special here, the rest of the file where it goes, and the inherited config all else.
_base_ = __import__('loma_mm').config_path(
    {base!r}
)

{variables}
max_epochs = {max_epochs!r}
train_cfg = dict(max_epochs=max_epochs{val_interval})
warm_up, decay = _base_.param_scheduler
param_scheduler = [warm_up, dict(decay, {schedule})]
"""
DETECTOR = """
model = dict(roi_head=dict(bbox_head=dict(num_classes=len(classes))))

# Images are scaled to fit into this width and height.
image_scale = {size!r}
resize = dict(Resize=dict(scale=image_scale))
"""
CLASSIFIER = """
model = dict(head=dict(num_classes=len(classes)))

# Width and height of what the network sees.
image_size = {size!r}
resize = dict(
    Resize=dict(scale=(image_size, image_size)),
    RandomCrop=dict(crop_size=image_size),
    RandomResizedCrop=dict(scale=image_size),
    ResizeEdge=dict(scale=image_size),
    CenterCrop=dict(crop_size=image_size),
)
"""
PIPELINES = """\
train_pipeline = [
    dict(step, **resize.get(step['type'], {}))
    for step in _base_.train_dataloader.dataset.pipeline
]
test_pipeline = [
    dict(step, **resize.get(step['type'], {}))
    for step in _base_.test_dataloader.dataset.pipeline
]
"""
DATASETS = {
    'voc': """
{split}_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        img_subdir=img_dir,
        ann_subdir=ann_dir,
        ann_file={list},
        metainfo=dict(classes=classes),
        pipeline={pipeline},
    ),
)
""",
    'coco': """
{split}_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='CocoDataset',
        data_root=data_root,
        data_prefix=dict(img=img_dir),
        ann_file={list},
        metainfo=dict(classes=classes),
        {mode},
        pipeline={pipeline},
    ),
)
""",
    'folders': """
{split}_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        data_prefix=img_dir,
        ann_file={list},
        metainfo=dict(classes=classes),
        pipeline={pipeline},
    ),
)
""",
}
COCO_METRIC = """
val_evaluator = dict(
    _delete_=True, type='CocoMetric', ann_file=test_list, metric='bbox'
)
test_evaluator = val_evaluator
"""


def own_config(
    found: Found,
    model: str = 'small',
    loma: bool = True,
    max_epochs: int | None = None,
    size: Any = None,
) -> str:
    """The text of a config for a dataset.

    Under every tool of MMDetection and MMPretrain it is complete; paths in it
    are absolute, and what it inherits is found wherever loma_mm is installed.

    Args:
        found (Found): The dataset.
        model (str): 'small' (from scratch) or 'r50' (fine-tuned).
        loma (bool): Whether to train with LOMA. Defaults to True.
        max_epochs (int, optional): Defaults to what the shipped config has.
        size (tuple[int, int] | int, optional): Width and height that a
            detector's images are scaled to fit into, side of a classifier's.
            Defaults to what the shipped config has.

    Returns:
        str: Python, to be written to a file.
    """
    task, size_name = _task(found)
    classifier = task == 'classifier'
    base = MODELS[task][model][loma]
    shipped = load_config(base)
    names = dict(
        data_root=osp.join(found.data_root, ''),
        img_dir=found.img_dir,
        **(dict(ann_dir=found.ann_dir) if found.kind == 'voc' else {}),
        train_list=found.train.path,
        test_list=found.test.path,
    )
    variables = [f'{name} = {value!r}' for name, value in names.items()]
    variables += ['classes = (', *(f'    {name!r},' for name in found.classes), ')']
    once = shipped.train_cfg.val_interval == shipped.max_epochs
    if 'milestones' in shipped.param_scheduler[1]:
        schedule = 'milestones=[max_epochs // 2, max_epochs * 3 // 4]'
    else:
        schedule = 'end=max_epochs, T_max=max_epochs'
    blocks = [
        HEAD.format(
            base=base,
            variables='\n'.join(variables),
            max_epochs=max_epochs or shipped.max_epochs,
            schedule=schedule,
            val_interval=', val_interval=max_epochs' if once else '',
        ),
        (CLASSIFIER if classifier else DETECTOR).format(
            size=size or shipped[size_name]
        ),
        PIPELINES,
    ]
    for split, part, mode in (
        ('train', 'train', 'filter_cfg=dict(filter_empty_gt=True)'),
        ('val', 'test', 'test_mode=True'),
    ):
        blocks.append(
            DATASETS[found.kind].format(
                split=split, list=f'{part}_list', pipeline=f'{part}_pipeline', mode=mode
            )
        )
    blocks.append('test_dataloader = val_dataloader\n')
    if found.kind == 'coco':
        blocks.append(COCO_METRIC)
    return ''.join(blocks)


def about(found: Found, model: str, size: Any = None) -> str:
    """What the config of :func:`own_config` trains, in words."""
    task, size_name = _task(found)
    size = size or load_config(MODELS[task][model][0])[size_name]
    return ABOUT[task][model].format(size)


def _task(found: Found) -> tuple[str, str]:
    """What is trained, and the variable of its image size."""
    if found.kind == 'folders':
        return 'classifier', 'image_size'
    return 'detector', 'image_scale'
