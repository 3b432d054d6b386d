"""All images of a small dataset on the device, and their augmentation there."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import TRANSFORMS
from mmpretrain.datasets.transforms import PackInputs, RandomCrop, RandomFlip
from mmpretrain.structures import DataSample
from torch import Tensor

from loma_mm.datasets import LocalMagnification
from loma_mm.errors import ConfigError, DataError
from loma_mm.models.batch_augments import BatchLocalMagnification
from loma_mm.running.runner import TidyRunner

# Images that are loaded, augmented or tested at once.
CHUNK = 5000


class Images(NamedTuple):
    """Images of one size.

    Args:
        pixels (Tensor): (N, H, W, C), uint8.
        labels (Tensor): (N, ), int64.
    """

    pixels: Tensor
    labels: Tensor


def load_images(dataloader: Config, load: Sequence[dict], device: str) -> Images:
    """Load a dataset in its own order.

    Args:
        dataloader (Config): Of a config.
        load (Sequence[dict]): The steps of its pipeline before ``PackInputs``.
        device (str): Where the images go.

    Raises:
        DataError: If an image cannot be loaded, or not all are of one size.
    """
    loader = TidyRunner.build_dataloader(
        dict(
            batch_size=CHUNK // 10,
            num_workers=dataloader.num_workers,
            dataset=dict(dataloader.dataset, pipeline=[*load, dict(type='PackInputs')]),
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=pseudo_collate,
        )
    )
    pixels, labels = [], []
    for batch in loader:
        labels += [sample.gt_label for sample in batch['data_samples']]
        pixels += [image.permute(1, 2, 0) for image in batch['inputs']]
        for image, sample in zip(
            pixels[-len(batch['inputs']) :], batch['data_samples']
        ):
            if image.shape != pixels[0].shape:
                raise DataError(
                    f'{sample.get("img_path")} has {tuple(image.shape)} pixels and '
                    f'channels, the first image {tuple(pixels[0].shape)}: '
                    '--side-by-side wants one size, give the pipeline a Resize.'
                )
    return Images(torch.stack(pixels).to(device), torch.cat(labels).to(device))


def make_batch(pixels: Tensor, labels: Tensor) -> dict:
    """What a data loader would give of these images, without a copy.

    Args:
        pixels (Tensor): (B, H, W, C), uint8.
        labels (Tensor): (B, ), int64.
    """
    samples = [DataSample().set_gt_label(label) for label in labels.split(1)]
    return dict(inputs=pixels.permute(0, 3, 1, 2), data_samples=samples)


class TrainPipeline:
    """A train pipeline of CIFAR for a whole epoch at once, on the device.

    ``RandomCrop`` of the padded image, horizontal ``RandomFlip`` and, if it is
    in the config's, ``LocalMagnification``, as :class:`BatchLocalMagnification`.

    Args:
        cfg (Config): A config with such a train pipeline.

    Attributes:
        load (list[dict]): The config's steps before the crop, done once.

    Raises:
        ConfigError: If the config has another pipeline.
    """

    def __init__(self, cfg: Config) -> None:
        # A dataset around another has none of its own.
        steps = cfg.train_dataloader.dataset.get('pipeline', [])
        built = [TRANSFORMS.build(step) for step in steps]
        crops = [i for i, step in enumerate(built) if isinstance(step, RandomCrop)]
        first = crops[0] if crops else len(built)
        crop, flip = [*built[first:-1], None, None][:2]
        loma = built[first + 2 : -1]
        if not (
            isinstance(crop, RandomCrop)
            and isinstance(crop.padding, int)
            and (crop.pad_val, crop.padding_mode) == (0, 'constant')
            and isinstance(flip, RandomFlip)
            and flip.direction == 'horizontal'
            and isinstance(flip.prob, (int, float))
            and all(
                isinstance(step, LocalMagnification) and step.interpolation == 'nearest'
                for step in loma
            )
            and isinstance(built[-1], PackInputs)
        ):
            raise ConfigError(
                f'The train pipeline of {cfg.filename} is not a RandomCrop with '
                'padding, a horizontal RandomFlip and LocalMagnification or nothing, '
                'which is all that --side-by-side knows: train without it.'
            )
        self.load = steps[:first]
        self.padding, self.flip_prob = crop.padding, flip.prob
        self.crop_size, self.config = tuple(crop.crop_size), cfg.filename
        self.loma = [
            BatchLocalMagnification(
                step.prob,
                step.sampler.shape,
                step.sampler.radius_range,
                step.sampler.ratio_range,
            )
            for step in loma
        ]

    def pad(self, images: Images) -> Tensor:
        """The pixels with a black border, as the crop pads them.

        Raises:
            ConfigError: If the crop is not of the size of the images.
        """
        size = tuple(images.pixels.shape[1:3])
        if size != self.crop_size:
            raise ConfigError(
                f'The RandomCrop of {self.config} gives {self.crop_size} pixels of '
                f'images of {size}, and --side-by-side crops to the size of '
                'the images alone: give a Resize of that size, or train without it.'
            )
        return torch.nn.functional.pad(images.pixels, (0, 0, *[self.padding] * 4))

    def augment(self, images: Images, padded: Tensor, out: Images) -> None:
        """Write an epoch, in a new order; draws are torch's of the CPU.

        Order, crops and flips are drawn first, so that they are the same with
        LOMA and without.

        Args:
            images (Images): All N images.
            padded (Tensor): Their pixels as :meth:`pad` gives them.
            out (Images): Where the epoch goes.
        """
        count, height, width, _ = images.pixels.shape
        device = images.pixels.device
        draws = (
            torch.randperm(count),
            torch.randint(2 * self.padding + 1, (count,)),
            torch.randint(2 * self.padding + 1, (count,)),
            torch.rand(count) < self.flip_prob,
        )
        # Through pageable memory, for which no device waits.
        order, top, left, flipped = (x.to(device, non_blocking=True) for x in draws)
        torch.index_select(images.labels, 0, order, out=out.labels)
        y = torch.arange(height, device=device)
        x = torch.arange(width, device=device)
        for start in range(0, count, CHUNK):
            part = slice(start, start + CHUNK)
            rows = top[part, None] + y
            columns = left[part, None] + torch.where(flipped[part, None], x.flip(0), x)
            pixels = padded[
                order[part, None, None], rows[:, :, None], columns[:, None, :]
            ]
            for loma in self.loma:
                pixels = loma(pixels.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            out.pixels[part] = pixels
