"""``test --show-dir`` of detectors."""

import os.path as osp
from collections.abc import Sequence
from typing import Any

from mmdet.engine.hooks import DetVisualizationHook
from mmengine.runner import Runner

from loma_mm.datasets.image_files import common_folder


class DetectionPictures(DetVisualizationHook):
    """MMDetection's hook, with a picture of its own for each test image.

    That names pictures by the images' names alone, so that of
    ``left/1.jpg`` and ``right/1.jpg`` one is lost; and with a relative work
    dir it nests one more folder with every batch. Here pictures lie in
    folders as the images do. The arguments are those of the original.
    """

    test_out_dir: str | None

    def before_test(self, runner: Runner) -> None:
        """Find out where images and pictures lie."""
        if self.test_out_dir is not None:
            self._images = common_folder(runner.test_dataloader.dataset)
            self._pictures = osp.abspath(
                osp.join(runner.work_dir, runner.timestamp, self.test_out_dir)
            )

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[Any]
    ) -> None:
        """Draw predictions, as the original does."""
        for output in outputs:
            if self.test_out_dir is not None:
                folder = osp.relpath(osp.dirname(output.img_path), self._images)
                self.test_out_dir = osp.normpath(osp.join(self._pictures, folder))
            super().after_test_iter(runner, batch_idx, data_batch, [output])
