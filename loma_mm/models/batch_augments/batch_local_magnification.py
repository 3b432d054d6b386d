import warnings
from typing import Any

import numpy as np
import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from loma_mm.checks import check_batch, check_count, check_prob
from loma_mm.errors import LomaWarning
from loma_mm.functional.batch import magnify_table, sizes_of
from loma_mm.functional.region import RegionTable
from loma_mm.names import shown
from loma_mm.sampler import RADIUS_RANGE, RATIO_RANGE, RegionSampler

# None is what MMDetection passes where there are no samples.
NOT_GIVEN: Any = object()

# Of whether, and of a region.
DRAWS = 6

# What data samples hold for pixels or points, and their instances likewise.
DENSE_FIELDS = (
    *('gt_sem_seg', 'gt_panoptic_seg', 'gt_depth_map'),
    *('gt_edge_map', 'gt_fields'),
)
DENSE_INSTANCE_FIELDS = ('masks', 'keypoints')


@MODELS.register_module()
class BatchLocalMagnification(nn.Module):
    """Magnify a random local area of each image of a batch, on its device.

    LOMA (Algorithm 1, nearest) after collation: a region of its own for each
    image, in training mode only. Labels stay where they are, the paper's
    rule; for labels that follow there is
    :class:`~loma_mm.LocalMagnification`, which a warning says once where
    there are masks, maps or keypoints. Random numbers come from torch's
    CPU generator, so no device has to wait.

    Args:
        prob (float): Probability p that an image is augmented.
            Defaults to 0.5.
        shape (str): The preset deformation shape: 'rhombus' (Eq 1),
            'ellipse' (Eq 2) or 'rectangle' (l-infinity norm).
            Defaults to 'rhombus'.
        radius_range (Tuple[float, float]): ``(r_min, r_max)`` as fractions
            of the longer side of the image. Defaults to (0.03, 0.7).
        ratio_range (Tuple[float, float]): ``(a_min, a_max)``, from which the
            compression ratio of one randomly chosen axis is drawn; the other
            ratio is 1. Defaults to (1.0, 3.0).

    Raises:
        ValueError: At construction, if an argument is outside its range.

    Example:
        >>> # MMDetection
        >>> data_preprocessor = dict(
        ...     type='DetDataPreprocessor',
        ...     batch_augments=[
        ...         dict(type='loma_mm.BatchLocalMagnification', prob=0.25)])
        >>> # MMPretrain: probs decides for the batch, prob for an image
        >>> data_preprocessor = dict(
        ...     batch_augments=dict(
        ...         augments=dict(type='loma_mm.BatchLocalMagnification'),
        ...         probs=1.0))
        >>> # a loop of one's own
        >>> augment = BatchLocalMagnification(prob=0.5)
        >>> augment(torch.rand(4, 3, 32, 32)).shape
        torch.Size([4, 3, 32, 32])
    """

    def __init__(
        self,
        prob: float = 0.5,
        shape: str = 'rhombus',
        radius_range: tuple[float, float] = RADIUS_RANGE,
        ratio_range: tuple[float, float] = RATIO_RANGE,
    ) -> None:
        super().__init__()
        self.prob = check_prob(prob)
        self.sampler = RegionSampler(shape, radius_range, ratio_range)
        self._warned = False

    def forward(self, inputs: Tensor, data_samples: Any = NOT_GIVEN) -> Any:
        """Augment images of shape (B, C, H, W).

        Args:
            inputs (Tensor): The images, of any dtype and device.
            data_samples (optional): What belongs to them: a list of data
                samples or dicts, whose ``img_shape`` says how much of an
                image is no padding; or MMPretrain's scores (B, classes), which
                become floats as its own batch augments make them. Class
                numbers of shape (B, ) stay what they are.

        Returns:
            Tensor | tuple: The images; with ``data_samples`` the pair that a
            data preprocessor expects.

        Raises:
            TypeError: In training mode, if ``inputs`` is not a dense tensor.
            ValueError: In training mode, if it has not 4 dimensions, or
                ``data_samples`` is a list of another length, or of samples
                whose ``img_shape`` is not two whole numbers within H x W.
        """
        if self.training and self.prob > 0:
            check_batch(inputs, 'inputs')
            sizes = sizes_of(inputs, _sizes(inputs, data_samples))
            self._warn_of_dense_labels(data_samples)
            inputs = magnify_table(inputs, self._draw(sizes), sizes)
        if data_samples is NOT_GIVEN:
            return inputs
        if (
            isinstance(data_samples, Tensor)
            and data_samples.dim() > 1
            and not data_samples.is_floating_point()
        ):
            data_samples = data_samples.float()
        return inputs, data_samples

    def _draw(self, sizes: np.ndarray) -> RegionTable:
        draws = torch.rand(len(sizes), DRAWS, dtype=torch.float64, device='cpu').numpy()
        regions = self.sampler.draw_batch(draws[:, 1:], sizes)
        regions.drop(draws[:, 0] >= self.prob)
        return regions

    def _warn_of_dense_labels(self, data_samples: Any) -> None:
        if self._warned or not isinstance(data_samples, (list, tuple)):
            return
        if data_samples and _has_dense_labels(data_samples[0]):
            self._warned = True
            warnings.warn(
                'BatchLocalMagnification moves the pixels under masks, maps or '
                "keypoints, which stay; LocalMagnification(labels='warp') in the "
                'pipeline moves them too.',
                LomaWarning,
                stacklevel=3,
            )

    def extra_repr(self) -> str:
        return (
            f'prob={self.prob}, shape={self.sampler.shape!r}, '
            f'radius_range={self.sampler.radius_range}, '
            f'ratio_range={self.sampler.ratio_range}'
        )


def _has_dense_labels(sample: Any) -> bool:
    instances = _get(sample, 'gt_instances')
    return any(_get(sample, name) is not None for name in DENSE_FIELDS) or any(
        _get(instances, name) is not None for name in DENSE_INSTANCE_FIELDS
    )


def _get(sample: Any, name: str) -> Any:
    """A field of a data sample, or of a dict; None where there is none."""
    if isinstance(sample, dict):
        return sample.get(name)
    return getattr(sample, name, None)


def _sizes(inputs: Tensor, data_samples: Any) -> list[tuple[int, int]] | None:
    """The size of each image, without its padding; None where nothing tells."""
    height, width = inputs.shape[-2:]
    if not isinstance(data_samples, (list, tuple)):
        return None
    if len(data_samples) != len(inputs):
        raise ValueError(
            f'data_samples must have one entry for each of the {len(inputs)} '
            f'images of inputs, got {len(data_samples)}.'
        )
    return [_size_of(sample, height, width) for sample in data_samples]


def _size_of(sample: Any, height: int, width: int) -> tuple[int, int]:
    size = _get(sample, 'img_shape')
    # MMPose's 'img_shape' is that of the photograph from which it was cropped.
    if size is None or _get(sample, 'input_size') is not None:
        return height, width
    try:
        h, w, *_ = (check_count('img_shape', side) for side in size)
    except (TypeError, ValueError):
        h, w = height + 1, width + 1
    if h > height or w > width:
        raise ValueError(
            f'data_samples must have an img_shape (h, w) within the {height} x '
            f'{width} pixels of inputs, got {shown(size)}.'
        )
    return h, w
