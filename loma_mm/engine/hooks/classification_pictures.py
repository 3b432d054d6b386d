"""``test --show-dir`` of classifiers."""

import os.path as osp
from collections.abc import Sequence
from typing import Any

from mmengine.runner import Runner
from mmpretrain.engine import VisualizationHook

from loma_mm.datasets.image_files import common_folder


class ClassificationPictures(VisualizationHook):
    """MMPretrain's hook, with a picture of its own for each test image.

    That names pictures by the images' names alone, so that of ``cat/1.jpg``
    and ``dog/1.jpg`` one is lost. Here pictures lie in folders as the images
    do. The arguments are those of the original.
    """

    out_dir: str | None

    def before_test(self, runner: Runner) -> None:
        """Find out where images and pictures lie."""
        self._seen = 0
        if self.out_dir is not None:
            self._images = common_folder(runner.test_dataloader.dataset)
            self._pictures = self.out_dir

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[Any]
    ) -> None:
        """Draw predictions, as the original does."""
        for image, output in zip(data_batch['inputs'], outputs):
            if self.out_dir is not None and 'img_path' in output:
                folder = osp.relpath(osp.dirname(output.img_path), self._images)
                self.out_dir = osp.normpath(osp.join(self._pictures, folder))
            # The original counts samples by batches of one size.
            self._draw_samples(self._seen, dict(inputs=[image]), [output])
            self._seen += 1
