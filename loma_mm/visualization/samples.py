"""The samples of a dataset, before and after its pipeline."""

import copy
from itertools import takewhile
from typing import Any, NamedTuple

import mmcv
import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS
from mmengine.structures import BaseDataElement
from torch import Tensor

from loma_mm.errors import DataError
from loma_mm.running.datasets import datasets_inside
from loma_mm.running.loading import name_unreadable


class Sample(NamedTuple):
    """An image and its annotation.

    Args:
        image (np.ndarray): uint8 RGB of shape (H, W, 3).
        data_sample (BaseDataElement): The annotation, as the toolbox packs
            it; coordinates in pixels of ``image``.
        inputs (Tensor): What the toolbox packs for the network, shape
            (C, H, W).
    """

    image: np.ndarray
    data_sample: BaseDataElement
    inputs: Tensor


class BeforeAfter:
    """A dataset of a config, each sample before and after its pipeline.

    *Before* is what the loading transforms return with which a pipeline
    begins (those whose names start with ``Load``): the image as it is on
    disk with its original annotation. In a dataset that holds its images
    itself, as CIFAR does, it is what that holds. It is recorded while the
    pipeline runs: where a dataset replaces a sample that its pipeline
    rejects, it is the one before the replacement. *After* is what a
    dataloader gets. Wrappers such as ``RepeatDataset``, ``ConcatDataset``
    and ``MultiImageMixDataset`` may surround the datasets; of a mixed
    sample, *before* is the image that it began with.

    Args:
        cfg (Config): A config of MMDetection or MMPretrain, in whose scope
            this is called.
        split (str): 'train', 'val' or 'test'. Defaults to 'train'.
        dataset (Any, optional): That of the split where it is built already;
            its pipeline gets another step. Defaults to None.
    """

    def __init__(self, cfg: Config, split: str = 'train', dataset: Any = None) -> None:
        self.split = split
        if dataset is None:
            dataset = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
        name_unreadable(dataset)
        self.dataset = dataset
        self._loaded: list[dict] = []
        self._pack = _outer_pipeline(self.dataset)[-1]
        preprocessor = (
            cfg.get('data_preprocessor') or cfg.model.get('data_preprocessor') or {}
        )
        self._bgr = bool(preprocessor.get('to_rgb') or preprocessor.get('bgr_to_rgb'))
        for part in datasets_inside(self.dataset):
            steps = part.pipeline.transforms
            loading = len(list(takewhile(_loads, steps)))
            # OpenMMLab loads files as BGR, also for models that stay with it.
            self._bgr |= loading > 0
            steps.insert(loading, self._record)

    @property
    def metainfo(self) -> dict:
        """The metainfo of the dataset, such as its classes."""
        return self.dataset.metainfo

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Sample, Sample]:
        """Run the pipeline on one sample.

        Raises:
            DataError: If there is no such sample, or the pipeline does not
                end with one image, packed.
        """
        if not 0 <= index < len(self):
            raise DataError(
                f'the {self.split} set has {len(self)} samples, counted from '
                f'0, so there is no sample {index}.'
            )
        self._loaded.clear()
        after = self._unpack(self.dataset[index])
        path = after.data_sample.get('img_path')
        before = [
            loaded
            for loaded in self._loaded
            if path is not None and loaded.get('img_path') == path
        ] or self._loaded[-1:]
        return self._unpack(self._pack(before[0])), after

    def _record(self, results: dict) -> dict:
        # Transforms may write to the arrays.
        self._loaded.append(copy.deepcopy(results))
        return results

    def _unpack(self, packed: Any) -> Sample:
        inputs = packed.get('inputs')
        if not isinstance(inputs, Tensor) or 'data_samples' not in packed:
            raise DataError(
                f'the {self.split} pipeline must end with one packed image a '
                'sample (PackDetInputs or PackInputs), and its inputs are a '
                f'{type(inputs).__name__}.'
            )
        img = inputs.permute(1, 2, 0).numpy().clip(0, 255).astype(np.uint8)
        if img.shape[2] == 1:
            img = mmcv.gray2rgb(img)
        elif self._bgr:
            img = mmcv.bgr2rgb(img)
        return Sample(np.ascontiguousarray(img), packed['data_samples'], inputs)


def _loads(transform: Any) -> bool:
    return type(transform).__name__.startswith('Load')


def _outer_pipeline(dataset: Any) -> list:
    """The transforms that run last on a sample, in wrappers or not."""
    while not hasattr(dataset, 'pipeline'):
        dataset = getattr(dataset, 'dataset', None) or dataset.datasets[0]
    # A Compose in a dataset, a list in a MultiImageMixDataset.
    return list(getattr(dataset.pipeline, 'transforms', dataset.pipeline))
