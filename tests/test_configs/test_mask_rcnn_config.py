"""The instance segmentation config trains, its masks moved with the pixels."""

import numpy as np
from mmengine.runner import Runner

from loma_mm.running import check_before_start, load_config
from tests.helpers import ROOT

CONFIG = ROOT / 'configs/mask_rcnn/mask-rcnn_r50_fpn_loma-warp-1x_coco.py'


def test_mask_rcnn_trains_with_warped_masks(coco, tmp_path):
    cfg = load_config(
        str(CONFIG),
        {
            'train_dataloader.dataset.data_root': f'{coco}/',
            'train_dataloader.dataset.ann_file': 'instances.json',
            'train_dataloader.dataset.data_prefix.img': '',
            'train_dataloader.dataset.metainfo': dict(classes=('disc',)),
            'model.backbone.init_cfg': None,
            'model.roi_head.bbox_head.num_classes': 1,
            'model.roi_head.mask_head.num_classes': 1,
        },
    )
    check_before_start(cfg, ('train',))
    pipeline = cfg.train_dataloader.dataset.pipeline
    assert [step.type for step in pipeline][-4:] == [
        'RandomFlip',
        'loma_mm.LocalMagnification',
        'FilterAnnotations',
        'PackDetInputs',
    ]
    loma = pipeline[-3]
    assert (loma.labels, loma.prob) == ('warp', 0.25)
    loma.prob = 1
    for step in pipeline:
        if step.type == 'Resize':
            step.scale = (128, 96)
    loader = cfg.train_dataloader
    loader.num_workers, loader.persistent_workers = 0, False
    cfg.work_dir = str(tmp_path)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
    cfg.default_hooks.logger.interval = 1
    for name in ('val_dataloader', 'val_evaluator', 'val_cfg'):
        cfg.pop(name)
    runner = Runner.from_cfg(cfg)
    runner.train()
    scalars = runner.message_hub.log_scalars
    for loss in ('loss', 'loss_mask', 'loss_bbox'):
        values = scalars[f'train/{loss}'].data[0]
        assert len(values) == 2 and np.isfinite(values).all(), loss
    assert scalars['train/loss_mask'].current() > 0
