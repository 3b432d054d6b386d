"""One training step and one prediction of detectors, tiny and from scratch.

    python -m tests.detectors OPS      # 'torchvision' or 'compiled'

prints JSON. A process of its own because mmcv's operators are chosen once.
"""

import json
import sys

import loma_mm.mmcv_ops

if __name__ == '__main__' and sys.argv[1] == 'torchvision':
    # Before a compiled extension, if there is one.
    sys.meta_path.insert(0, loma_mm.mmcv_ops.ExtensionFinder())

from pathlib import Path

import mmdet
import torch
from mmdet.registry import MODELS
from mmdet.testing import demo_mm_inputs
from mmdet.utils import register_all_modules
from mmengine import Config
from mmengine.optim import OptimWrapper

CONFIGS = {
    'Faster R-CNN': 'faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
    'Mask R-CNN': 'mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py',
    'Cascade R-CNN': 'cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py',
    'RetinaNet': 'retinanet/retinanet_r50_fpn_1x_coco.py',
    'FCOS': 'fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py',
    'DCN': 'dcn/faster-rcnn_r50-dconv-c3-c5_fpn_1x_coco.py',
    'DCNv2': 'dcnv2/faster-rcnn_r50-mdconv-c3-c5_fpn_1x_coco.py',
    'Deformable DETR': 'deformable_detr/deformable-detr_r50_16xb2-50e_coco.py',
}


def shrink(model):
    """From scratch, and small where the config lets it be small."""
    model.backbone.init_cfg = None
    model.backbone.frozen_stages = -1
    model.backbone.norm_cfg = dict(type='BN', requires_grad=True)
    model.backbone.norm_eval = False
    model.backbone.stem_channels = model.backbone.base_channels = 16
    model.neck.in_channels = [width // 4 for width in model.neck.in_channels]
    if 'encoder' in model:
        model.num_queries = 20
        model.encoder.num_layers = model.decoder.num_layers = 1
        return model
    if 'rcnn' in (model.get('train_cfg') or {}):
        model.train_cfg.rpn_proposal.max_per_img = model.test_cfg.rpn.max_per_img = 50
        stages = model.train_cfg.rcnn
        for stage in stages if isinstance(stages, list) else [stages]:
            stage.sampler.num = 32
    # A detector that has learned nothing is sure of nothing; show it anyway.
    test_cfg = model.test_cfg.get('rcnn', model.test_cfg)
    test_cfg.update(score_thr=0, max_per_img=50)
    return model


def run(config):
    folder = Path(mmdet.__file__).parent / '.mim' / 'configs'
    torch.manual_seed(0)
    model = MODELS.build(shrink(Config.fromfile(folder / config).model))
    model.init_weights()
    for name, parameter in model.named_parameters():
        if 'conv_offset' in name:  # zeros otherwise: no deformation
            torch.nn.init.normal_(parameter, std=0.02)
    shapes = [[3, 96, 128], [3, 128, 96]]
    data = demo_mm_inputs(2, shapes, num_classes=80, with_mask=True)
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.01))
    before = torch.cat([p.detach().flatten() for p in model.parameters()])
    model.train()
    losses = model.train_step(data, wrapper)
    after = torch.cat([p.detach().flatten() for p in model.parameters()])
    model.eval()
    with torch.no_grad():
        found = model.test_step(data)[0].pred_instances
    return dict(
        losses={name: float(loss.detach()) for name, loss in losses.items()},
        step=float((after - before).norm()),
        boxes=found.bboxes.tolist(),
        scores=found.scores.tolist(),
        masks=list(found.masks.shape) if 'masks' in found else None,
        is_active=loma_mm.mmcv_ops.is_active(),
    )


if __name__ == '__main__':
    register_all_modules()
    torch.set_num_threads(1)
    print(json.dumps({name: run(config) for name, config in CONFIGS.items()}))
