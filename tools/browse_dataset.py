"""Draw what the training pipeline of a config really produces.

Works for detectors (images with their boxes) and classifiers (images with
their class):

    python tools/browse_dataset.py CONFIG --out samples.png
"""
import argparse

import mmcv
import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, VISUALIZERS, init_default_scope
from mmengine.structures import BaseDataElement

from loma_mm.engine import add_cfg_options, check_before_start, load_config
from loma_mm.visualization import image_grid, write_image

# Small images are enlarged to this side, so that labels can be read.
SIDE = 400


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='config of mmdet or mmpretrain')
    parser.add_argument('--out', required=True, help='picture to write (.png)')
    parser.add_argument(
        '--number', type=int, default=12, help='samples to draw')
    parser.add_argument('--columns', type=int, default=4)
    parser.add_argument(
        '--seed', type=int, default=0, help='of the augmentation')
    add_cfg_options(parser)
    args = parser.parse_args()
    if args.number < 1 or args.columns < 1:
        parser.error('--number and --columns must be at least 1')
    return args


def to_image(inputs, cfg: Config) -> np.ndarray:
    """The uint8 RGB image (H, W, 3) that a packed sample holds."""
    img = inputs.permute(1, 2, 0).numpy()
    preprocessor = cfg.get('data_preprocessor') or cfg.model.get(
        'data_preprocessor') or {}
    to_rgb = preprocessor.get('to_rgb') or preprocessor.get('bgr_to_rgb')
    if to_rgb and img.shape[2] == 3:
        img = mmcv.bgr2rgb(img)
    return np.ascontiguousarray(img.clip(0, 255).astype(np.uint8))


def draw(visualizer, name: str, img: np.ndarray, sample: BaseDataElement,
         dataset: BaseDataset) -> np.ndarray:
    factor = max(1.0, SIDE / max(img.shape[:2]))
    img = mmcv.imrescale(img, factor, interpolation='nearest')
    if 'gt_label' in sample:
        return visualizer.visualize_cls(
            img,
            sample,
            classes=dataset.metainfo.get('classes'),
            draw_pred=False,
            name=name)
    sample = sample.clone()
    boxes = sample.gt_instances.bboxes
    # With box_type='hbox' boxes are box objects, without it plain tensors.
    sample.gt_instances.bboxes = getattr(boxes, 'tensor', boxes) * factor
    visualizer.add_datasample(name, img, sample, draw_pred=False, show=False)
    return visualizer.get_image()


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    check_before_start(cfg, ('train', ))
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    visualizer = VISUALIZERS.build(
        dict(cfg.visualizer, name='browse', vis_backends=None))
    visualizer.dataset_meta = dataset.metainfo
    np.random.seed(args.seed)
    images = []
    for i in np.random.permutation(len(dataset))[:args.number]:
        packed = dataset[int(i)]
        images.append(
            draw(visualizer, str(i), to_image(packed['inputs'], cfg),
                 packed['data_samples'], dataset))
    write_image(image_grid(images, args.columns, SIDE), args.out)
    print(f'{args.out}: {len(images)} samples of the training pipeline.')


if __name__ == '__main__':
    main()
