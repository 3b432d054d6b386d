"""Many runs of a small classifier at once, in one process on one GPU.

A small network leaves a GPU idle: to load its images and to start its kernels
takes longer than to compute. Here the images stay on the device, an epoch is
augmented at once, and an iteration, MMEngine's ``train_step`` of MMPretrain's
model, is recorded as a CUDA graph and replayed, each run on a stream of its
own. On a CPU the same iterations run one by one.
"""

import importlib.util
import inspect
import math
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.runner import EpochBasedTrainLoop
from mmengine.utils import ProgressBar
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from loma_mm.errors import BusyError, ConfigError, RunError
from loma_mm.files import whole_file
from loma_mm.models.feature_augments.base import UncompiledModule
from loma_mm.running import build_runner, load_config
from loma_mm.running.console import terminal
from loma_mm.running.options import parse_options
from loma_mm.running.resume import is_whole
from loma_mm.running.trust import load_checkpoint_file
from loma_mm.running.work_dir import locked
from loma_mm.seeding import seed_generators

from .device_images import CHUNK, Images, TrainPipeline, load_images, make_batch
from .results import LOSS, Results
from .runs import Run, busy, collect, require_same_settings

# Iterations of a batch size that run before one is recorded: cuDNN chooses its
# algorithms in them, the optimizer makes its state.
WARM_UP = 3
# MMEngine's log shows the mean loss of so many iterations.
LOSS_WINDOW = 10
# They do in a step what their optimizer does.
WRAPPERS = ('OptimWrapper', 'CPUOptimWrapper', 'loma_mm.engine.CPUOptimWrapper')
# In a checkpoint of MMEngine's form, what these trainings go on from.
PROGRESS = 'side_by_side'


class Training:
    """One run: its model, how far it is, and its recorded iterations.

    Args:
        run (Run): The run.
        cfg (Config): Its config, with its work dir and seed.
        images (Images): What it trains on.
        test_images (Images): What it is tested on.

    Raises:
        ConfigError: If the config has what cannot be recorded.
    """

    def __init__(
        self, run: Run, cfg: Config, images: Images, test_images: Images
    ) -> None:
        self.run, self.images, self.test_images = run, images, test_images
        # Weights are drawn from the seed, as train draws them.
        self.runner = build_runner(cfg)
        self.model = self.runner.model
        require_recordable(cfg, self.model)
        self.model.init_weights()
        self.device = images.pixels.device
        self.on_gpu = self.device.type == 'cuda'
        if self.on_gpu:
            if 'fused' not in inspect.signature(torch.optim.SGD).parameters:
                raise ConfigError(
                    f'PyTorch {torch.__version__} has no fused SGD, which '
                    '--side-by-side needs on a GPU: install a newer one, or train '
                    'without it.'
                )
            self.model.to(memory_format=torch.channels_last)
            self.model.backbone.forward = partial(_compiled(), self.model.backbone)
            # A recorded step reads its rate on the device.
            cfg.optim_wrapper.optimizer.fused = True
        self.optim_wrapper = self.runner.build_optim_wrapper(cfg.optim_wrapper)
        (self.group,) = self.optim_wrapper.optimizer.param_groups
        self.batch_size = cfg.train_dataloader.batch_size
        self.max_epochs = cfg.train_cfg.max_epochs
        self.interval = cfg.default_hooks.checkpoint.get('interval', 1)
        self.steps = math.ceil(len(images.labels) / self.batch_size)
        self.pipeline = TrainPipeline(cfg)
        self.padded = self.pipeline.pad(images)
        self.rates = self._schedule(cfg).to(self.device)
        # A recorded iteration reads and writes at the same addresses each time.
        self.shown = Images(*map(torch.empty_like, images))
        self.losses = torch.zeros(self.max_epochs * self.steps, device=self.device)
        self.position = torch.zeros(1, dtype=torch.int64, device=self.device)
        self.iteration = torch.zeros_like(self.position)
        self.rate = torch.zeros((), device=self.device)
        self.stream = torch.cuda.Stream() if self.on_gpu else None
        self.graphs: dict[int, Any] = {}
        self.warm: dict[int, int] = {}
        self.epoch = 0
        self._resume()

    def _schedule(self, cfg: Config) -> Tensor:
        """The learning rate of every iteration, by MMEngine's schedulers."""
        runner = self.runner
        runner.optim_wrapper = self.optim_wrapper
        # Only its length counts.
        batches = DataLoader(_Numbers(len(self.images.labels)), self.batch_size)
        runner._train_loop = EpochBasedTrainLoop(runner, batches, self.max_epochs)
        schedulers = runner.build_param_scheduler(cfg.param_scheduler)
        # Without gradients it moves nothing; schedulers warn where none was made.
        self.optim_wrapper.optimizer.step()
        rates = []
        for i in range(1, len(batches) * self.max_epochs + 1):
            rates.append(self.group['lr'])
            for scheduler in schedulers:
                if not scheduler.by_epoch or i % len(batches) == 0:
                    scheduler.step()
        return torch.tensor(rates)

    def _checkpoints(self) -> list[Path]:
        """Those in the work dir that are whole, the newest last."""
        paths = Path(self.run.work_dir).glob('epoch_*.pth')
        return sorted(filter(is_whole, paths), key=os.path.getmtime)

    def _resume(self) -> None:
        """Go on from the newest checkpoint in the work dir."""
        paths = self._checkpoints()
        if not paths:
            return
        saved = load_checkpoint_file(paths[-1], map_location=self.device)
        if PROGRESS not in saved:
            raise ConfigError(
                f'{paths[-1]} is of a training without --side-by-side: go on without '
                'it, or give another --work-dir.'
            )
        self.model.load_state_dict(saved['state_dict'])
        optimizer = self.optim_wrapper.optimizer
        optimizer.load_state_dict(saved[PROGRESS]['optimizer'])
        (self.group,) = optimizer.param_groups
        self.epoch = saved['meta']['epoch']
        done = self.epoch * self.steps
        self.iteration.fill_(done)
        self.losses[:done] = saved[PROGRESS]['losses'][:done]

    def begin_epoch(self) -> None:
        """Augment the images for the next epoch, with draws of its own."""
        self.model.train()
        seed_generators(self.run.seed, self.epoch)
        with torch.cuda.stream(self.stream):
            self.pipeline.augment(self.images, self.padded, self.shown)
            self.position.zero_()

    def step(self, number: int) -> None:
        """Do an iteration of the epoch, numbered from 0."""
        size = min(self.batch_size, len(self.images.labels) - number * self.batch_size)
        if not self.on_gpu:
            self.group['lr'] = self.rates[self.epoch * self.steps + number].item()
            self._train_step(size)
            return
        self.group['lr'] = self.rate
        with torch.cuda.stream(self.stream):
            if self.warm.setdefault(size, 0) < WARM_UP:
                self.warm[size] += 1
                self._train_step(size)
                return
            if size not in self.graphs:
                self.graphs[size] = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self.graphs[size], stream=self.stream):
                    self._train_step(size)
            self.graphs[size].replay()

    def _train_step(self, size: int) -> None:
        """Train on the next ``size`` images; what a graph records."""
        rows = self.position + torch.arange(size, device=self.device)
        batch = make_batch(*(part.index_select(0, rows) for part in self.shown))
        self.rate.copy_(self.rates.index_select(0, self.iteration).view(()))
        # The precision of a CPU is a matter of the optim_wrapper.
        with torch.autocast('cuda', torch.bfloat16, enabled=self.on_gpu):
            losses = self.model.train_step(batch, self.optim_wrapper)
        loss = losses['loss'].detach().float().view(1)
        self.losses.index_copy_(0, self.iteration, loss)
        self.position += size
        self.iteration += 1

    def end_epoch(self) -> None:
        """Wait for the epoch, and save it if its number says so.

        Raises:
            RunError: If a loss was no number.
        """
        if self.stream:
            self.stream.synchronize()
        first = self.epoch * self.steps
        self.epoch += 1
        if not self.losses[first : first + self.steps].isfinite().all():
            raise RunError(
                f'{self.run}: a loss of epoch {self.epoch} is no number: give a lower '
                'optim_wrapper.optimizer.lr.'
            )
        if self.epoch % self.interval == 0 or self.epoch == self.max_epochs:
            self._save()

    def _save(self) -> None:
        """Write a checkpoint in place of the one before."""
        old = self._checkpoints()
        done = self.epoch * self.steps
        path = Path(self.run.work_dir, f'epoch_{self.epoch}.pth')
        progress = dict(
            optimizer=self.optim_wrapper.optimizer.state_dict(),
            losses=self.losses[:done].clone(),
        )
        checkpoint = dict(
            meta=dict(epoch=self.epoch, iter=done, seed=self.run.seed),
            state_dict=self.model.state_dict(),
            **{PROGRESS: progress},
        )
        with whole_file(path) as part:
            torch.save(checkpoint, part)
        for before in old:
            if before != path:
                before.unlink()

    def test(self) -> dict[str, float]:
        """Metrics of the config's evaluator, in float32, and the loss at the end."""
        self.model.eval()
        # Compiled for the batches of a training alone.
        self.model.backbone.__dict__.pop('forward', None)
        evaluator = self.runner.build_evaluator(self.runner.cfg.val_evaluator)
        parts = zip(*(part.split(CHUNK) for part in self.test_images))
        with (
            torch.no_grad(),
            torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
        ):
            for pixels, labels in parts:
                batch = make_batch(pixels, labels)
                evaluator.process(self.model.val_step(batch), batch)
        metrics = evaluator.evaluate(len(self.test_images.labels))
        return {**metrics, LOSS: self.losses[-LOSS_WINDOW:].mean().item()}


class _Numbers(Dataset):
    """So many samples, of which nothing is asked."""

    metainfo: ClassVar[dict] = {}

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count


@cache
def _compiled() -> Callable:
    """A forward pass of backbones, compiled once for all of one kind."""
    compilers = (os.environ.get('CC') or 'cc', 'gcc', 'clang')
    if importlib.util.find_spec('triton') and any(map(shutil.which, compilers)):
        return torch.compile(_forward, dynamic=False)
    return _forward


def _forward(backbone: nn.Module, x: Tensor) -> Any:
    return type(backbone).forward(backbone, x)


def require_recordable(cfg: Config, model: nn.Module) -> None:
    """Raise an error if a config does more than a recorded iteration can.

    Raises:
        ConfigError: It names what that is.
    """
    wrapper = cfg.optim_wrapper
    reasons = {
        'feature augments, which draw in each iteration': any(
            isinstance(part, UncompiledModule) for part in model.modules()
        ),
        'batch_augments, which draw in each iteration': getattr(
            model.data_preprocessor, 'batch_augments', None
        ),
        'an optimizer other than SGD': wrapper.optimizer.type != 'SGD',
        'an optim_wrapper with more than an optimizer': (
            set(wrapper) - {'type', 'optimizer', 'dtype'}
            or wrapper.get('type', 'OptimWrapper') not in WRAPPERS
        ),
        'custom_hooks': cfg.get('custom_hooks'),
        'weights to load_from': cfg.get('load_from'),
        'a train_cfg without max_epochs': 'max_epochs' not in cfg.train_cfg,
    }
    for what, there in reasons.items():
        if there:
            raise ConfigError(
                f'{cfg.filename} has {what}, which --side-by-side does not do: train '
                'without it.'
            )


def train_side_by_side(runs: Sequence[Run], results: Results) -> list[str]:
    """Train all runs that have no result at once, and file their results.

    They are tested once, after the last epoch. What was interrupted goes on from
    its last checkpoint, and what fails does not stop the others. A run is the
    same whatever runs beside it.

    Args:
        runs (Sequence[Run]): The runs.
        results (Results): Where their metrics go.

    Returns:
        list[str]: A sentence for each run that has no result.

    Raises:
        RunError: If the runs do not fit into the GPU together.
        KeyboardInterrupt: If interrupted from the keyboard; the sentence
            says so.
    """
    pending = collect(runs, results)
    print(f'{len(pending)} of {len(runs)} runs are to be done, side by side.')
    require_same_settings(pending, are_trained=True)
    problems: list[str] = []
    with ExitStack() as stack:
        try:
            trainings = _prepare_all(pending, problems, stack)
            for training in _train(trainings, problems):
                run, metrics = training.run, training.test()
                results.add(run.key, run.config_name, metrics)
                values = ', '.join(f'{k} {v:.4g}' for k, v in metrics.items())
                print(f'{run}: {values}', flush=True)
        except torch.cuda.OutOfMemoryError as error:
            raise RunError(
                f'{len(pending)} runs do not fit into the GPU together: name fewer '
                '--seeds or rows.'
            ) from error
        except KeyboardInterrupt:
            print('\nStopped: the same command goes on from the last checkpoints.')
            raise
    return problems


def _prepare_all(
    runs: Sequence[Run], problems: list[str], stack: ExitStack
) -> list[Training]:
    trainings: list[Training] = []
    shared: dict[str, Images] = {}
    for run in runs:
        try:
            stack.enter_context(locked(run.work_dir))
            trainings.append(prepare_training(run, shared))
        except BusyError:
            _add(problems, busy(run))
        except ConfigError as error:
            _add(problems, f'{run}: {error}')
    return trainings


def _add(problems: list[str], problem: str) -> None:
    problems.append(problem)
    print(f'\n{problem}', flush=True)


def prepare_training(run: Run, shared: dict[str, Images]) -> Training:
    """Build a run, in a work dir that is held.

    Args:
        run (Run): The run.
        shared (dict[str, Images]): Datasets that are loaded already.

    Raises:
        ConfigError: If its config has what cannot be recorded.
        DataError: If its images cannot be loaded.
    """
    cfg = load_config(run.config, parse_options(run.options))
    cfg.update(work_dir=run.work_dir, randomness=dict(seed=run.seed))
    # A name that no other has; what all runs would say is not for the terminal.
    cfg.update(experiment_name=str(run).replace('/', '-'), log_level='WARNING')
    init_default_scope(cfg.default_scope)
    images = []
    for dataloader, load in (
        (cfg.train_dataloader, TrainPipeline(cfg).load),
        (cfg.val_dataloader, cfg.val_dataloader.dataset.pipeline[:-1]),
    ):
        key = str(dict(dataloader.dataset, pipeline=load))
        if key not in shared:
            shared[key] = load_images(dataloader, load, get_device())
        images.append(shared[key])
    return Training(run, cfg, *images)


def _train(trainings: Sequence[Training], problems: list[str]) -> list[Training]:
    """Those that have trained all their epochs."""
    # Convolutions of one shape, over and over.
    torch.backends.cudnn.benchmark = True
    left = sum(training.max_epochs - training.epoch for training in trainings)
    bar = ProgressBar(left, file=terminal())
    good = list(trainings)
    while active := [t for t in good if t.epoch < t.max_epochs]:
        for training in active:
            training.begin_epoch()
        for number in range(max(training.steps for training in active)):
            for training in active:
                if number < training.steps:
                    training.step(number)
        for training in active:
            try:
                training.end_epoch()
            except RunError as error:
                good.remove(training)
                _add(problems, str(error))
            bar.update()
    print()
    return good
