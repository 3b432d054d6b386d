"""A sample with its annotation on it."""

import copy

import mmcv
import numpy as np
from mmengine.visualization import Visualizer

from .samples import Sample


def annotate(visualizer: Visualizer, sample: Sample, side: int) -> np.ndarray:
    """The image with its annotation, its longer side scaled to ``side``."""
    # Deep: what is scaled below lies within.
    img, data_sample = sample.image, copy.deepcopy(sample.data_sample)
    factor = side / max(img.shape[:2])
    if 'gt_sem_seg' in data_sample or 'gt_panoptic_seg' in data_sample:
        # They fit the image as it is.
        factor = 1.0
    img = mmcv.imrescale(img, factor, interpolation='nearest' if factor > 1 else 'area')
    if 'gt_label' in data_sample:
        return visualizer.visualize_cls(img, data_sample, draw_pred=False)
    if 'gt_instances' not in data_sample:
        return img
    instances = data_sample.gt_instances
    if 'bboxes' in instances:
        # With box_type='hbox' boxes are box objects, else plain tensors.
        boxes = getattr(instances.bboxes, 'tensor', instances.bboxes)
        instances.bboxes = boxes * factor
    if 'masks' in instances:
        instances.masks = instances.masks.resize(img.shape[:2])
    visualizer.add_datasample('', img, data_sample, draw_pred=False)
    return visualizer.get_image()
