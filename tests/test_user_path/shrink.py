"""Shipped configs as a matter of a second, and what their trainings logged."""

import json
from pathlib import Path

from loma_mm.running import load_config, shipped_configs
from loma_mm.running.datasets import dataloaders, dataset_configs
from tests.helpers import ROOT

# Of each network: small values, and the channels that it then gives.
NETWORKS = {
    'CIFARResNet': ('depth=8', 64),
    'WideResNet': ('depth=10 widen_factor=1', 64),
    'PyramidNet': ('depth=11 alpha=12', 112),
    'ResNet_CIFAR': ('stem_channels=8 base_channels=8', 64),
    'ResNet': ('stem_channels=8 base_channels=8 init_cfg=None', None),
}
# A detector after its FPN.
DETECTOR = [
    'model.rpn_head.in_channels=16',
    'model.rpn_head.feat_channels=16',
    'model.roi_head.bbox_roi_extractor.out_channels=16',
    'model.roi_head.bbox_head.in_channels=16',
    'model.roi_head.bbox_head.fc_out_channels=32',
    'model.train_cfg.rpn_proposal.max_per_img=30',
    'model.test_cfg.rpn.max_per_img=30',
]
# And one of masks.
MASKS = [
    'model.roi_head.mask_roi_extractor.out_channels=16',
    'model.roi_head.mask_head.in_channels=16',
    'model.roi_head.mask_head.conv_out_channels=16',
]
# Of each transform: smaller images.
TRANSFORMS = {
    'RandomResizedCrop': 'scale=32',
    'ResizeEdge': 'scale=40',
    'CenterCrop': 'crop_size=32',
}


def shrink(config: str) -> list[str]:
    """What a user would type to see a config work: two iterations, one epoch.

    Args:
        config (str): A shipped config.

    Returns:
        list[str]: For ``--cfg-options``; where the data lies is not changed.
    """
    cfg = load_config(config)
    options = ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1']
    if cfg.get('load_from'):
        options.append('load_from=None')
    place, backbone = 'model.backbone', cfg.model.backbone
    if 'backbone' in backbone:
        place, backbone = f'{place}.backbone', backbone.backbone
    small, channels = NETWORKS[backbone.type]
    options += [f'{place}.{option}' for option in small.split()]
    if backbone.type == 'ResNet':
        widths = [8, 16, 32, 64]
        if backbone.depth >= 50:
            widths = [4 * width for width in widths]
        if cfg.default_scope == 'mmdet':
            neck = 'model.neck.0' if isinstance(cfg.model.neck, list) else 'model.neck'
            options.append(f'{neck}.in_channels={widths}'.replace(' ', ''))
            options += [f'{neck}.out_channels=16', *DETECTOR]
            if 'mask_head' in cfg.model.roi_head:
                options += MASKS
        channels = widths[-1]
    if 'head' in cfg.model:
        options.append(f'model.head.in_channels={channels}')
    for split, loader in dataloaders(cfg).items():
        top = f'{split}_dataloader'
        options += [f'{top}.num_workers=0', f'{top}.persistent_workers=False']
        parts = list(dataset_configs(loader.dataset, f'{top}.dataset'))
        if split == 'train':
            options.append(f'{top}.batch_size={2 * len(parts)}')
        if 'times' in loader.dataset:
            options.append(f'{top}.dataset.times=2')
        for where, dataset in parts:
            if 'times' not in loader.dataset:
                options.append(f'{where}.indices=4')
            for i, step in enumerate(dataset.pipeline):
                if step.type in TRANSFORMS:
                    options.append(f'{where}.pipeline.{i}.{TRANSFORMS[step.type]}')
                if step.type == 'Resize' and max(step.scale) > 96:
                    options.append(f'{where}.pipeline.{i}.scale=(96,64)')
    return options


def small(name):
    """The options that make a shipped config a matter of seconds."""
    path = next(path for path in shipped_configs() if Path(path).stem == name)
    return shrink(str(ROOT / 'configs' / path))


def losses(work):
    """Every number that the last training in a work dir logged as a loss."""
    logs = work.glob('*/vis_data/scalars.json')
    log = max(logs, key=lambda path: path.stat().st_mtime)
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    return [value for row in rows for key, value in row.items() if 'loss' in key]
