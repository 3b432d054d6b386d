import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from loma_mm.datasets import LocalMagnification
from loma_mm.names import shown
from loma_mm.seeding import generators_kept

from .prob_schedule_hook import walk

if TYPE_CHECKING:
    from mmengine.runner import Runner

# What a dataset keeps of its annotations: large, and read only.
SHARED = ('data_bytes', 'data_address', 'data_list')


@HOOKS.register_module()
class TrainSamplesHook(Hook):
    """Put a page of training samples into the log as training starts.

    They have gone through the training pipeline and are drawn with their
    boxes, masks or classes. The page, and the share of these samples that
    :class:`~loma_mm.LocalMagnification` touched, go to the visualizer of the
    runner and so to all of its backends: files (LocalVisBackend writes
    ``vis_data/vis_image``), TensorBoard and so on. The share stands in the
    log too.

    The training is the same as without the hook, to the last bit: samples
    come from a copy of the dataset, and the states of Python's, NumPy's and
    torch's CPU generators are put back. What cannot be drawn is a warning in
    the log. What the data preprocessor does to whole batches, as
    :class:`~loma_mm.BatchLocalMagnification`, is not in the samples.

    Args:
        number (int): How many samples, taken at random. Defaults to 12.
        columns (int): How many beside each other. Defaults to 4.
        side (int): Longer side of each on the page, in pixels.
            Defaults to 400.

    Raises:
        ValueError: At construction, if an argument is not a whole number
            from 1 on.

    Example:
        >>> # in a config
        >>> custom_hooks = [dict(type='loma_mm.engine.TrainSamplesHook')]
    """

    # After those that set up what is trained on.
    priority = 'LOW'

    def __init__(self, number: int = 12, columns: int = 4, side: int = 400) -> None:
        for name, value in (('number', number), ('columns', columns), ('side', side)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f'{name} must be a whole number of 1 or more, got {shown(value)}.'
                )
        self.number, self.columns, self.side = number, columns, side

    @master_only
    def before_train(self, runner: 'Runner') -> None:
        """Draw the page."""
        with generators_kept():
            try:
                page, touched = self._draw(runner)
            except Exception as error:
                # A picture is not worth a training.
                runner.logger.warning(
                    f'TrainSamplesHook cannot draw the training samples: {error}'
                )
                return
        runner.visualizer.add_image('train_samples', page, step=runner.iter)
        if touched:
            share = sum(touched) / len(touched)
            runner.visualizer.add_scalar(
                'train_samples/loma_share', share, step=runner.iter
            )
            runner.logger.info(
                f'LOMA touched {sum(touched)} of {len(touched)} training samples, '
                'drawn as train_samples.'
            )

    def _draw(self, runner: 'Runner') -> tuple[np.ndarray, list[bool]]:
        """The page, and of each sample whether LOMA touched it, if it is there."""
        # Loads matplotlib, which the visualizer of the runner has loaded.
        from loma_mm.visualization import BeforeAfter, annotate, image_grid

        dataset = _copy(runner.train_dataloader.dataset)
        drawn: list[bool] = []
        watched = list(walk(dataset, LocalMagnification))
        for one in watched:
            _watch(one, drawn)
        samples = BeforeAfter(runner.cfg, 'train', dataset)
        # Without backends: it draws and logs nothing.
        visualizer = type(runner.visualizer)(name='train_samples', vis_backends=None)
        visualizer.dataset_meta = samples.metainfo
        images, touched = [], []
        for index in np.random.permutation(len(samples))[: self.number].tolist():
            drawn.clear()
            _, sample = samples[index]
            touched.append(any(drawn))
            images.append(annotate(visualizer, sample, self.side))
        page = image_grid(images, min(self.columns, len(images)), self.side)
        return page, touched if watched else []


def _copy(dataset: Any) -> Any:
    """A copy of a dataset whose transforms share no state with it."""
    # Loads half of MMEngine, which is there by now.
    from loma_mm.running.datasets import datasets_inside

    shared = [
        getattr(part, name)
        for part in datasets_inside(dataset)
        for name in SHARED
        if hasattr(part, name)
    ]
    return copy.deepcopy(dataset, {id(one): one for one in shared})


def _watch(loma: LocalMagnification, drawn: list[bool]) -> None:
    """Note of each call whether it magnified."""
    transform = loma.transform

    def noting(results: dict) -> dict:
        results = transform(results)
        drawn.append(results['loma_region'] is not None)
        return results

    loma.transform = noting  # type: ignore[method-assign]
