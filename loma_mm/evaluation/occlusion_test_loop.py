import copy
from collections.abc import Sequence

import torch
from mmengine.dist import is_main_process
from mmengine.evaluator import Evaluator
from mmengine.model import is_model_wrapper
from mmengine.registry import LOOPS
from mmengine.runner import Runner, TestLoop
from mmengine.runner.amp import autocast
from mmengine.utils import ProgressBar
from torch.utils.data import DataLoader

from loma_mm.names import shown
from loma_mm.running.console import terminal

from .occlusion import OCCLUSIONS, check_occlusion, occlude, occlusion_name


@LOOPS.register_module()
class OcclusionTestLoop(TestLoop):
    """Test a classifier under occlusions of several sizes in one go.

    Every batch is loaded and preprocessed once, and passes through the
    network once an occlusion (:func:`occlude`). The occluded pixels are zero
    in the network's input, after the data preprocessor has normalised it:
    they have the mean colour that the config names and are not black. (Sec
    4.4 of the paper says 'fill zeros' and no more; as its networks take
    normalised images, that is the plain reading.)

    Each metric of the evaluator is reported once an occlusion, with its kind
    and size before its name: ``center_8/accuracy/top1``. The scores of all
    of them are kept until the end, as the metrics of mmpretrain do; 16
    occlusions of ImageNet's validation set take 3 GB.

    Args:
        runner (Runner): The runner.
        dataloader (DataLoader | dict): Of the test set, or its config.
        evaluator (Evaluator | dict | list): Metrics or their configs.
        sizes (Sequence[int]): Sides of the central square, in pixels of the
            network's input.
        kinds (Sequence[str]): Of 'center' and 'boundary'. Defaults to both.
        fp16 (bool): Use autocast. Defaults to False.
        progress_bar (bool): Show one, of batches. Defaults to False.

    Raises:
        ValueError: If there is no such kind of occlusion or no such size, or
            none is asked for.

    Example:
        >>> # in a config, or as --cfg-options test_cfg.type=... of test.py
        >>> test_cfg = dict(
        ...     type='loma_mm.evaluation.OcclusionTestLoop', sizes=(0, 8, 16))
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Evaluator | dict | list,
        sizes: Sequence[int],
        kinds: Sequence[str] = OCCLUSIONS,
        fp16: bool = False,
        progress_bar: bool = False,
    ) -> None:
        occlusions = [(kind, size) for kind in kinds for size in sizes]
        if not occlusions:
            raise ValueError(
                'sizes and kinds must name at least one '
                f'occlusion, got {shown(sizes)} and {shown(kinds)}.'
            )
        for occlusion in occlusions:
            check_occlusion(*occlusion)
        super().__init__(runner, dataloader, evaluator, fp16)
        self.evaluators = {
            occlusion: copy.deepcopy(self.evaluator) for occlusion in occlusions
        }
        for occlusion, one in self.evaluators.items():
            for metric in one.metrics:
                metric.prefix = '/'.join(
                    filter(None, (occlusion_name(*occlusion), metric.prefix))
                )
        # The parent class evaluates these.
        self.evaluator.metrics = [
            metric for one in self.evaluators.values() for metric in one.metrics
        ]
        self.progress_bar = progress_bar and is_main_process()

    def run(self) -> dict:
        """Test.

        Returns:
            dict: The metrics of all occlusions.
        """
        if self.progress_bar:
            self.bar = ProgressBar(len(self.dataloader), file=terminal())
        metrics = super().run()
        if self.progress_bar:
            self.bar.file.write('\n')
        return metrics

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: dict) -> None:
        """Test one batch under all occlusions.

        Args:
            idx (int): Index of the batch.
            data_batch (dict): From the dataloader.
        """
        self.runner.call_hook('before_test_iter', batch_idx=idx, data_batch=data_batch)
        model = self.runner.model
        if is_model_wrapper(model):
            model = model.module
        with autocast(enabled=self.fp16):
            data = model.data_preprocessor(data_batch, False)
            for occlusion, evaluator in self.evaluators.items():
                occluded = dict(data, inputs=occlude(data['inputs'], *occlusion))
                outputs = model(**occluded, mode='predict')
                evaluator.process(outputs, data_batch)
        self.runner.call_hook(
            'after_test_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs
        )
        if self.progress_bar:
            self.bar.update()
