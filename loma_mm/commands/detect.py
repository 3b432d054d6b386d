"""Draw what a detector finds in images of its test set.

python -m loma_mm detect CONFIG CHECKPOINT --out detections.png
"""

import argparse

import mmcv
from mmengine.device import get_device
from mmengine.registry import DATASETS, VISUALIZERS, init_default_scope

from loma_mm.datasets.image_check import read_image
from loma_mm.errors import ConfigError
from loma_mm.running import check_before_start, load_config, require_checkpoint
from loma_mm.running.config import building
from loma_mm.running.weights import load_weights, require_order
from loma_mm.visualization import image_grid, write_image

from .arguments import add_cfg_options, add_config, add_trust, picture_path, positive

# Small images are enlarged to this side, so that labels can be read.
SIDE = 400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    add_trust(parser)
    parser.add_argument(
        '--out', required=True, type=picture_path, help='picture to write (.png)'
    )
    parser.add_argument(
        '--number', type=positive, default=12, help='test images to draw'
    )
    parser.add_argument('--columns', type=positive, default=4)
    parser.add_argument(
        '--score-thr', type=float, default=0.5, help='lowest score drawn'
    )
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    cfg = load_config(args.config, args.cfg_options)
    if cfg.get('default_scope') != 'mmdet':
        raise ConfigError(
            f"{args.config} is not a detector's config: its default_scope is not "
            "'mmdet'."
        )
    require_checkpoint(args.checkpoint)
    check_before_start(cfg, ('test',))
    from mmdet.apis import inference_detector, init_detector

    init_default_scope('mmdet')
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    visualizer = VISUALIZERS.build(
        dict(cfg.visualizer, name='detections', vis_backends=None)
    )
    visualizer.dataset_meta = dataset.metainfo
    with building(f'model of the config {cfg.filename}'):
        model = init_detector(cfg, device=get_device())
    checkpoint = load_weights(model, args.checkpoint, cfg)
    require_order(checkpoint, dataset.metainfo.get('classes'), args.checkpoint)
    paths = [
        dataset.get_data_info(i)['img_path']
        for i in range(min(args.number, len(dataset)))
    ]
    images = []
    for path, sample in zip(paths, inference_detector(model, paths)):
        img = read_image(path)
        factor = max(1.0, SIDE / max(img.shape[:2]))
        img = mmcv.imrescale(img, factor, interpolation='bicubic')
        sample = sample.cpu()
        sample.pred_instances.bboxes *= factor
        visualizer.add_datasample(
            path, img, sample, draw_gt=False, show=False, pred_score_thr=args.score_thr
        )
        images.append(visualizer.get_image())
    write_image(image_grid(images, args.columns, SIDE), args.out)
    print(f'{args.out}: detections on {len(images)} test images.')
