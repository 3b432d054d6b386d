import warnings

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmengine.registry import TRANSFORMS

from loma_mm.checks import check_choice, check_image, check_interpolation, check_prob
from loma_mm.errors import LomaWarning
from loma_mm.functional import magnify_image
from loma_mm.functional.image import is_compiled
from loma_mm.sampler import (
    RADIUS_RANGE,
    RATIO_RANGE,
    RegionSampler,
    RelativeRegion,
)

from .label_fields import has_dense_labels, other_maps
from .labels import warp_labels

LABELS = ('keep', 'warp')
# Bytes up to which an image is turned over faster by NumPy than by torch.
SMALL = 1 << 14


@TRANSFORMS.register_module()
class LocalMagnification(BaseTransform):
    """Magnify a random local area of the image: LOMA, Algorithm 1.

    Place it after cropping and flipping, before colour jitter and
    normalisation. With ``labels='keep'`` boxes, masks, labels and all else
    pass through unchanged; that is the paper's rule. With ``labels='warp'``
    they follow the pixels, exactly (docs/labels.md says when to use which).

    Required Keys:

    - img (np.ndarray): shape (H, W) or (H, W, C), any real dtype. The array
      itself is never written to.

    Modified Keys:

    - img

    with ``labels='warp'`` those of these that there are:

    - gt_bboxes, proposals (HorizontalBoxes, or np.ndarray (N, 4))
    - gt_masks (BitmapMasks, or PolygonMasks: these become BitmapMasks, in
      every sample. S tears outlines apart, so polygons could not be exact.)
    - gt_seg_map, gt_panoptic_seg, gt_depth_map, gt_edge_map, heatmap_mask and
      all maps that are named in ``results['seg_fields']``
    - gt_keypoints (mmcv: (N, K, 3), the third number 0 where not visible;
      or MMYOLO's Keypoints)
    - bbox, keypoints, transformed_keypoints, keypoints_visible, area (MMPose;
      of a bbox of four corners (N, 4, 2) the box around them; an area grows
      and shrinks as its bbox does). The one person of a top-down sample is
      never left out.
    - everything with an entry for each instance (gt_bboxes_labels,
      gt_ignore_flags, gt_instances_ids, proposals_scores and the like), which
      loses those instances of which no pixel is left

    Added Keys:

    - loma_region (MagnificationRegion | None): what was drawn, in pixels of
      the image, None where the image was left as it is. Name it among the
      ``meta_keys`` of the packing transform to have it in the data sample.

    Args:
        prob (float): Probability p that an image is augmented.
            Defaults to 0.5 (CIFAR; the paper takes 0.8 for ImageNet, 0.25
            for VOC detection).
        shape (str): The preset deformation shape: 'rhombus' (Eq 1),
            'ellipse' (Eq 2) or 'rectangle' (l-infinity norm).
            Defaults to 'rhombus'.
        radius_range (Tuple[float, float]): ``(r_min, r_max)`` as fractions
            of the longer side of the image. Defaults to (0.03, 0.7) (the
            paper takes (0.03, 0.5) for VOC detection).
        ratio_range (Tuple[float, float]): ``(a_min, a_max)``, from which the
            compression ratio of one randomly chosen axis is drawn; the other
            ratio is 1. Defaults to (1.0, 3.0) (the paper takes (1.0, 1.0)
            for VOC detection).
        interpolation (str): 'nearest' as in the paper, or 'bilinear'.
            Defaults to 'nearest'.
        labels (str): 'keep' leaves labels where they are, 'warp' moves them
            with the pixels. Defaults to 'keep'.

    Raises:
        ValueError: At construction, if an argument is outside its range.
        LabelError: With ``labels='warp'``, if a sample has boxes, masks, maps
            or points of a type or size that cannot be moved, such as rotated
            boxes, or another field with geometry, such as optical flow.

    Example:
        >>> # in a config of MMDetection or MMPretrain
        >>> train_pipeline = [
        ...     dict(type='LoadImageFromFile'),
        ...     dict(type='RandomFlip', prob=0.5),
        ...     dict(type='loma_mm.LocalMagnification', prob=0.25,
        ...          radius_range=(0.03, 0.5), ratio_range=(1.0, 1.0)),
        ... ]
    """

    def __init__(
        self,
        prob: float = 0.5,
        shape: str = 'rhombus',
        radius_range: tuple[float, float] = RADIUS_RANGE,
        ratio_range: tuple[float, float] = RATIO_RANGE,
        interpolation: str = 'nearest',
        labels: str = 'keep',
    ) -> None:
        check_interpolation(interpolation)
        check_choice('labels', labels, LABELS)
        if not is_compiled():
            warnings.warn(
                'loma_mm was installed without a C compiler: its results are '
                'the same, but LocalMagnification takes some 25 times longer. '
                'Install a compiler, then loma_mm again.',
                LomaWarning,
                stacklevel=2,
            )
        # Shared with the workers of a data loader, whenever they started.
        self._prob = torch.tensor(check_prob(prob), dtype=torch.float64)
        self._warned = torch.tensor(False)
        self._share()
        self.sampler = RegionSampler(shape, radius_range, ratio_range)
        self.interpolation = interpolation
        self.labels = labels

    def _share(self) -> None:
        for shared in (self._prob, self._warned):
            # In a worker it is shared already, perhaps by another strategy of
            # torch, by which share_memory_() would make memory of its own.
            if not shared.is_shared():
                shared.share_memory_()

    def __setstate__(self, state: dict) -> None:
        # Of a copy, such as a subset of a dataset makes: by itself it would
        # have memory of its own process.
        self.__dict__.update(state)
        self._share()

    @property
    def prob(self) -> float:
        """float: Probability p that an image is augmented.

        Setting it reaches the workers of a data loader too.
        """
        return self._prob.item()

    @prob.setter
    def prob(self, prob: float) -> None:
        self._prob.fill_(check_prob(prob))

    def _draw(self) -> RelativeRegion | None:
        """Draw a region, or None for an image to be left as it is."""
        if np.random.random() >= self.prob:
            return None
        return self.sampler.draw(np.random.random)

    @cache_randomness
    def _random_region(self) -> RelativeRegion | None:
        """The draw of the images that share one."""
        return self._draw()

    def transform(self, results: dict) -> dict:
        """Magnify ``results['img']`` with probability ``prob``.

        Raises:
            KeyError: If there is no image.
            TypeError: If the image is not an array of real numbers.
            ValueError: If it has not 2 or 3 dimensions.
        """
        if 'img' not in results:
            raise KeyError(
                "LocalMagnification finds no 'img': it comes after the image is loaded."
            )
        img = results['img']
        check_image(img)
        # cache_randomness copies itself at every call, which costs as much as
        # a small image: it is used where draws are shared alone.
        shared = getattr(self, '_cache_enabled', False)
        drawn = self._random_region() if shared else self._draw()
        region = None if drawn is None else drawn.at(*img.shape[:2])
        if self.labels == 'warp':
            results.update(warp_labels(results, region))
        # Images that share a draw lie in one dict, and each is moved in turn.
        if region is not None and not (shared and self.labels == 'warp'):
            self._warn_of_what_stays(results)
        if region is not None:
            results['img'] = _quick_to_pack(
                magnify_image(img, region, self.interpolation)
            )
        results['loma_region'] = region
        return results

    def _warn_of_what_stays(self, results: dict) -> None:
        """Say once if there are labels that the pixels leave behind."""
        if self.labels == 'keep':
            left = ['labels'] if has_dense_labels(results) else []
        else:
            left = other_maps(results)
        if not left or self._warned:
            return
        self._warned.fill_(True)
        if self.labels == 'keep':
            warnings.warn(
                "LocalMagnification(labels='keep') moves the pixels under masks, "
                "maps or keypoints, which stay; labels='warp' moves them too.",
                LomaWarning,
                stacklevel=2,
            )
        else:
            warnings.warn(
                "LocalMagnification(labels='warp') moves the pixels under "
                f"results['{left[0]}'], which is no label that it knows and stays; "
                "name it in results['seg_fields'] if it is to move.",
                LomaWarning,
                stacklevel=2,
            )

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(prob={self.prob}, '
            f'shape={self.sampler.shape!r}, '
            f'radius_range={self.sampler.radius_range}, '
            f'ratio_range={self.sampler.ratio_range}, '
            f'interpolation={self.interpolation!r}, '
            f'labels={self.labels!r})'
        )


def _quick_to_pack(img: np.ndarray) -> np.ndarray:
    """A small image with a pixel of room between its rows.

    As a crop's rows have. PackInputs hands contiguous images to torch, whose
    call takes longer than all else that is done to an image of CIFAR's size.
    """
    if img.ndim != 3 or img.nbytes > SMALL:
        return img
    height, width, channels = img.shape
    out = np.empty((height, width + 1, channels), img.dtype)[:, :width]
    out[...] = img
    return out
