"""No random draw of a training is repeated where it should not be."""

import pickle
import random
import signal
import time
from unittest import mock

import mmengine
import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.utils import digit_version
from torch.utils.data import DataLoader

from loma_mm import FeatureLocalMagnification, LocalMagnification
from loma_mm.engine import DrawSeedHook
from loma_mm.engine.hooks.draw_seed_hook import SeededBatchSampler
from loma_mm.experiments.work_dirs import final_metrics
from loma_mm.functional import MagnificationRegion
from loma_mm.seeding import SeededBatch
from tests.helpers import CLASSIFIER, run_command, start_command, start_copy

SAMPLES = 6


class Images(torch.utils.data.Dataset):
    """Whatever is drawn for a sample: LOMA's region and each generator."""

    def __init__(self):
        self.loma = LocalMagnification(prob=1)

    def __len__(self):
        return SAMPLES

    def __getitem__(self, index):
        region = self.loma(dict(img=np.zeros((64, 64, 3), np.uint8)))['loma_region']
        assert isinstance(region, MagnificationRegion)
        others = random.random(), torch.rand(()).item()
        return index, (region.center, region.radius, region.ratios, *others)


class Model(BaseModel):
    """Draws as the feature augments do; remembers all that it sees."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(4))
        self.augment = FeatureLocalMagnification()
        self.images, self.features = [], []

    def forward(self, batch, mode):
        self.images.append(batch)
        self.features.append(self.augment.draw())
        noise = torch.tensor([drawn[1] for _, drawn in batch]).mean()
        noise = noise + np.random.random() + random.random()
        return dict(loss=(self.weight * torch.rand(4) * noise).pow(2).mean())


def collate(batch):
    return dict(batch=batch)


def train(
    work_dir, epochs=3, resume=None, loop=None, sampler=None, randomness=None, **loader
):
    loader = dict(dict(num_workers=0, persistent_workers=False), **loader)
    runner = Runner(
        Model(),
        str(work_dir),
        train_dataloader=dict(
            batch_size=2,
            dataset=Images(),
            sampler=sampler or dict(type='DefaultSampler', shuffle=True),
            collate_fn=collate,
            **loader,
        ),
        train_cfg=loop or dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9)),
        default_hooks=dict(
            draw_seed=dict(type='DrawSeedHook'),
            checkpoint=dict(type='CheckpointHook', interval=1, by_epoch=not loop),
        ),
        randomness=randomness or dict(seed=0),
        load_from=resume,
        resume=resume is not None,
        default_scope='mmengine',
        visualizer=None,
        log_level='ERROR',
        experiment_name=f'{work_dir.name}_{np.random.SeedSequence().entropy}',
    )
    runner.train()
    states = np.random.get_state()[1].tolist(), random.getstate(), torch.get_rng_state()
    return runner.model, states


def regions(model):
    """All drawn regions, with what else was drawn beside them."""
    return [drawn for batch in model.images for _, drawn in batch]


LOADERS = {
    'no worker': dict(num_workers=0),
    'new workers': dict(num_workers=2),
    'persistent workers': dict(num_workers=2, persistent_workers=True),
}


@pytest.mark.parametrize('loader', LOADERS.values(), ids=LOADERS)
def test_no_epoch_repeats_another(tmp_path, loader):
    model, _ = train(tmp_path, **loader)
    assert len(set(regions(model))) == 3 * SAMPLES
    assert len(set(model.features)) == len(model.features) == 9


def test_draws_do_not_depend_on_the_workers(tmp_path):
    start_copy(int).join()  # the server of the forks
    expected, _ = train(tmp_path / 'none')
    # Spawned ones import everything: one is enough.
    for workers, context in ((2, 'fork'), (1, 'spawn'), (2, 'forkserver')):
        model, _ = train(
            tmp_path / context,
            num_workers=workers,
            multiprocessing_context=context,
            persistent_workers=context == 'spawn',
        )
        assert model.images == expected.images
        assert model.features == expected.features


def test_seeds_and_ranks_and_workers_draw_apart(tmp_path):
    """Worker 1 of seed 0 was worker 0 of seed 1."""
    drawn = []
    for seed in (0, 1):
        drawn += regions(
            train(tmp_path / str(seed), randomness=dict(seed=seed), num_workers=2)[0]
        )
    for rank in (1, 2):
        batches = DataLoader(Images(), batch_size=2, collate_fn=collate)
        seeded = SeededBatchSampler(batches.batch_sampler, 0, rank)
        loader = DataLoader(Images(), batch_sampler=seeded, collate_fn=collate)
        drawn += [draw for batch in loader for _, draw in batch['batch']]
    assert len(set(drawn)) == len(drawn) == (2 * 3 + 2) * SAMPLES


def be_rank(rank, folder, randomness):
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=2
    )
    model, _ = train(folder / 'work', randomness=randomness)
    torch.save((regions(model), model.features), folder / f'{rank}.pth')


@pytest.mark.parametrize('diff_rank_seed', [False, True])
def test_two_processes_draw_apart(tmp_path, diff_rank_seed):
    """Without workers, images and features; both were equal."""
    randomness = dict(seed=0, diff_rank_seed=diff_rank_seed)
    ranks = [start_copy(be_rank, rank, tmp_path, randomness) for rank in (0, 1)]
    for rank in ranks:
        rank.join()
        assert rank.exitcode == 0
    saved = [
        torch.load(tmp_path / f'{rank}.pth', weights_only=False) for rank in (0, 1)
    ]
    for one, other in zip(*saved):
        assert len({*one, *other}) == len(one + other) > 10


def test_resumed_with_the_seed_that_mmengine_drew(tmp_path):
    """The order of the samples too, which the sampler shuffles."""
    new = dict(randomness=dict(seed=None))
    whole, _ = train(tmp_path, 4, **new)
    resumed, _ = train(tmp_path, 4, resume=str(tmp_path / 'epoch_2.pth'), **new)
    assert resumed.images == whole.images[6:]
    assert torch.equal(resumed.weight, whole.weight)


@pytest.mark.parametrize('loader', LOADERS.values(), ids=LOADERS)
def test_resumed_as_if_never_stopped(tmp_path, loader):
    """Draws, weights to the last bit, and the random state at the end."""
    whole, states = train(tmp_path / 'whole', 4, **loader)
    train(tmp_path / 'part', 2, **loader)
    resumed, states_then = train(
        tmp_path / 'part', 4, resume=str(tmp_path / 'part/epoch_2.pth'), **loader
    )
    assert resumed.images == whole.images[6:]
    assert resumed.features == whole.features[6:]
    assert torch.equal(resumed.weight, whole.weight)
    assert states[:2] == states_then[:2] and torch.equal(states[2], states_then[2])


@pytest.mark.parametrize('loader', LOADERS.values(), ids=LOADERS)
@pytest.mark.parametrize('step', [5, 6, 12])
def test_resumed_in_the_middle_of_an_epoch(tmp_path, step, loader):
    """From a checkpoint of iterations: MMEngine trained that epoch twice."""
    loop = dict(type='EpochBasedTrainLoop', max_epochs=4)
    whole, _ = train(tmp_path, loop=loop, **loader)
    resumed, _ = train(
        tmp_path, loop=loop, resume=str(tmp_path / f'iter_{step}.pth'), **loader
    )
    assert resumed.images == whole.images[step:]
    assert resumed.features == whole.features[step:]
    assert torch.equal(resumed.weight, whole.weight)


def test_a_batch_on_its_way_to_a_worker_seeds_nothing(monkeypatch):
    """A thread pickles it while the training process draws."""
    batch = SeededBatch([3, 1, 2], (0, 0, 0, 1, 2))
    with monkeypatch.context() as patch:
        patch.setattr('loma_mm.seeding.seed_generators', lambda *key: pytest.fail())
        written = pickle.dumps(batch)
    read = pickle.loads(written)
    state = torch.get_rng_state()
    assert (type(read), list(read), read.key) == (SeededBatch, [3, 1, 2], batch.key)
    # Read in the training process, it leaves that its own draws.
    assert torch.equal(torch.get_rng_state(), state)


def test_what_it_does_not_reach_is_said():
    loader = DataLoader(Images(), batch_size=None)
    runner = mock.Mock(seed=0, iter=0, train_loop=mock.Mock(dataloader=loader))
    DrawSeedHook().before_train(runner)
    (said,) = runner.logger.warning.call_args.args
    assert said.startswith('DrawSeedHook does not reach this data loader: ')


# MMEngine 0.10.7 starts the workers of such a loop before any hook, which
# DrawSeedHook warns of: there each pass of a finite sampler draws alike.
starts_early = pytest.mark.skipif(
    digit_version(mmengine.__version__) <= digit_version('0.10.7'),
    reason='this MMEngine starts workers before hooks',
)


@pytest.mark.parametrize(
    'sampler',
    ['InfiniteSampler', pytest.param('DefaultSampler', marks=starts_early)],
)
def test_a_loop_of_iterations(tmp_path, sampler):
    """No pass repeats another; a resumed one goes on where it was."""
    loop = dict(type='IterBasedTrainLoop', max_iters=8, val_interval=100)
    settings = dict(sampler=dict(type=sampler, shuffle=True), num_workers=1)
    whole, _ = train(tmp_path / 'whole', loop=loop, **settings)
    assert len(set(regions(whole))) == 16
    assert len(set(whole.features)) == 8
    resumed, _ = train(
        tmp_path / 'whole',
        loop=loop,
        resume=str(tmp_path / 'whole/iter_5.pth'),
        **settings,
    )
    assert resumed.images == whole.images[5:]
    assert resumed.features == whole.features[5:]
    assert torch.equal(resumed.weight, whole.weight)


@pytest.mark.slow
def test_killed_at_any_moment_and_resumed(tmp_path):
    """The typed command, SIGKILL, --resume: weights equal to the last bit."""
    folder = tmp_path / 'digits'
    run_command('make-digits', 'folder', folder)
    run_command(
        'list-images', folder / 'train', tmp_path / 'train.txt', '--per-class', 13
    )
    words = [
        *('train', CLASSIFIER, '--cfg-options', f'data_root={folder}'),
        f'train_dataloader.dataset.ann_file={tmp_path}/train.txt',
        *('train_cfg.max_epochs=4', 'train_cfg.val_interval=4', 'max_epochs=4'),
    ]
    run_command(*words, '--work-dir', tmp_path / 'whole')
    killed = tmp_path / 'killed'
    kills = 0
    for epoch in (1, 3):
        process = start_command(*words, '--work-dir', killed, '--resume')
        while process.is_alive() and not (killed / f'epoch_{epoch}.pth').exists():
            time.sleep(0.02)
        time.sleep(random.random() / 4)
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
    assert kills
    run_command(*words, '--work-dir', killed, '--resume')
    one, other = (
        torch.load(tmp_path / name / 'epoch_4.pth', weights_only=False)
        for name in ('whole', 'killed')
    )
    for key in ('state_dict', 'optimizer', 'param_schedulers'):
        assert_same(one[key], other[key])
    for key in ('epoch', 'iter', 'seed'):
        assert one['meta'][key] == other['meta'][key]
    metrics = final_metrics(str(tmp_path / 'whole'))
    assert metrics and metrics == final_metrics(str(killed))


def assert_same(one, other):
    """Nested dicts, lists and tensors, to the last bit."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        one, other = list(one.values()), list(other.values())
    if isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for pair in zip(one, other):
            assert_same(*pair)
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    else:
        assert one == other
