"""The schedule in real training runs of MMEngine's Runner."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, Compose
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, MODELS, TRANSFORMS, init_default_scope
from mmengine.runner import Runner
from torch import nn

from loma_mm import BatchLocalMagnification, LocalMagnification, RandomFeatureAugment
from loma_mm.engine import ProbScheduleHook
from loma_mm.engine.hooks.prob_schedule_hook import walk
from loma_mm.errors import ConfigError


@DATASETS.register_module()
class ProbsOfWorkers(BaseDataset):
    """Each sample is the probability that its worker sees."""

    def load_data_list(self):
        return [dict(img=np.zeros((8, 8, 3), np.uint8)) for _ in range(16)]

    def prepare_data(self, idx):
        self.pipeline(self.get_data_info(idx))
        prob = self.pipeline.transforms[0].prob
        return dict(inputs=torch.tensor(prob, dtype=torch.float64))


@MODELS.register_module()
class RecordingModel(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.augment = BatchLocalMagnification(prob=0.4)
        self.gate = RandomFeatureAugment([], prob=0.5)
        self.seen = []

    def forward(self, inputs, mode='loss'):
        probs = set(torch.stack(list(inputs)).flatten().tolist())
        self.seen.append((probs, self.augment.prob, self.gate.prob))
        return dict(loss=self.weight**2)


HALF = dict(
    type='ProbsOfWorkers',
    pipeline=[dict(type='LocalMagnification', prob=0.8)],
    indices=8,
)


def run(folder, hook, loop, workers=0, resume=False, **kwargs):
    hooks = hook if isinstance(hook, list) else [hook]
    dataset = kwargs.pop('dataset', HALF)
    runner = Runner(
        model=dict(type='RecordingModel'),
        work_dir=str(folder),
        train_dataloader=dict(
            batch_size=4,
            num_workers=workers,
            persistent_workers=workers > 0,
            sampler=dict(
                type='DefaultSampler' if loop['by_epoch'] else 'InfiniteSampler',
                shuffle=False,
            ),
            dataset=dataset,
        ),
        train_cfg=loop,
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=[
            dict(dict(type='loma_mm.engine.ProbScheduleHook'), **one) for one in hooks
        ],
        default_hooks=dict(logger=dict(type='LoggerHook', interval=1)),
        resume=resume,
        experiment_name=f'{folder.name}{np.random.randint(10**9)}',
        **kwargs,
    )
    runner.train()
    return runner


@pytest.mark.parametrize('workers', [0, 2])
def test_reaches_transforms_in_persistent_workers_and_modules(tmp_path, workers):
    dataset = HALF
    if workers:
        # MMPretrain's folds take a copy of the dataset, with its transforms.
        pytest.importorskip('mmpretrain')
        dataset = dict(
            type='mmpretrain.KFoldDataset',
            dataset=dict(HALF, indices=None),
            fold=0,
            num_splits=2,
        )
    runner = run(
        tmp_path,
        dict(warmup=2, off=1, steps=[(3, 0.25)]),
        dict(by_epoch=True, max_epochs=5),
        workers,
        dataset=dataset,
    )
    factors = [0.5, 1, 1, 0.25, 0]
    # two iterations an epoch
    assert runner.model.seen == [
        ({0.8 * factor}, 0.4 * factor, 0.5 * factor) for factor in np.repeat(factors, 2)
    ]
    log = next(tmp_path.glob('*/*.log')).read_text()
    for factor in (0.5, 1, 0.25):
        assert f' LocalMagnification_prob: {0.8 * factor:.4f}' in log
        assert f'BatchLocalMagnification_prob: {0.4 * factor:.4f}' in log
        assert f'RandomFeatureAugment_prob: {0.5 * factor:.4f}' in log
    # A later use of the same objects is that of the config.
    (transform,) = walk(runner.train_dataloader.dataset)
    assert transform.prob == 0.8


def test_a_resumed_run_goes_on(tmp_path):
    hook, loop = dict(warmup=4, off=1), dict(by_epoch=True, max_epochs=6)
    whole = run(tmp_path / 'whole', hook, loop)
    checkpoint = tmp_path / 'whole' / 'epoch_3.pth'
    rest = run(tmp_path / 'rest', hook, loop, resume=True, load_from=str(checkpoint))
    assert rest.model.seen == whole.model.seen[6:]
    assert len({gate for _, _, gate in rest.model.seen}) == 2


def test_counts_iterations(tmp_path):
    runner = run(
        tmp_path,
        dict(warmup=4, off=2, by_epoch=False),
        dict(by_epoch=False, max_iters=8),
    )
    factors = [0.25, 0.5, 0.75, 1, 1, 1, 0, 0]
    assert [gate for _, _, gate in runner.model.seen] == [0.5 * f for f in factors]


@pytest.mark.parametrize('first, by_epoch', [(0, True), (1, True), (0, False)])
def test_a_new_pipeline_is_scheduled_from_its_first_epoch(tmp_path, first, by_epoch):
    """In whatever order the hooks stand in the config."""
    pytest.importorskip('mmdet.engine')
    switch = dict(
        type='mmdet.PipelineSwitchHook',
        switch_epoch=2,
        switch_pipeline=[dict(type='LocalMagnification', prob=0.6)],
    )
    # An epoch has two iterations.
    hooks = [dict(warmup=4 if by_epoch else 8, by_epoch=by_epoch), switch]
    loop = dict(by_epoch=True, max_epochs=3)
    runner = run(tmp_path, hooks[first:] + hooks[:first], loop)
    probs = [probs for probs, _, _ in runner.model.seen]
    factors = [0.25, 0.5, 0.75] if by_epoch else [1 / 8, 3 / 8, 5 / 8]
    assert probs[::2] == [{p * f} for p, f in zip([0.8, 0.8, 0.6], factors)]


LOMA = dict(type='loma_mm.LocalMagnification')


@pytest.mark.parametrize(
    'scope, config, count',
    [
        ('mmengine', dict(type='RandomChoice', transforms=[[LOMA], [LOMA]]), 2),
        ('mmengine', dict(type='RandomApply', transforms=[LOMA]), 1),
        ('mmdet', dict(type='RandomOrder', transforms=[LOMA]), 1),
        (
            'mmdet',
            dict(type='MultiBranch', branch_field=['a', 'b', 'c'], a=[LOMA], b=[LOMA]),
            2,
        ),
        (
            'mmpretrain',
            dict(type='MultiView', num_views=[2, 1], transforms=[[LOMA], [LOMA]]),
            2,
        ),
    ],
)
def test_is_found_in_other_transforms(scope, config, count):
    if scope != 'mmengine':
        pytest.importorskip(f'{scope}.datasets')
    init_default_scope(scope)
    pipeline = Compose([TRANSFORMS.build(config)])
    init_default_scope('mmengine')
    assert len(list(walk(pipeline))) == count


def test_is_found_where_lists_are_made_when_asked_for():
    class Part:
        def __init__(self):
            self._transforms = (LocalMagnification(),)

        @property
        def transforms(self):
            return list(self._transforms)

    parts = [Part() for _ in range(3)]
    assert list(walk(parts)) == [part.transforms[0] for part in parts]


def test_mistakes_are_explained(tmp_path):
    with pytest.raises(ConfigError, match='by_epoch=False'):
        run(tmp_path, {}, dict(by_epoch=False, max_iters=2))
    runner = SimpleNamespace(
        train_loop=None,
        train_dataloader=SimpleNamespace(
            dataset=DATASETS.build(dict(HALF, pipeline=[]))
        ),
        model=nn.Identity(),
        epoch=0,
        max_epochs=1,
    )
    with pytest.raises(ConfigError, match='nothing to schedule'):
        ProbScheduleHook().before_train(runner)
    for name, value in (
        ('warmup', -1),
        ('off', 1.5),
        ('steps', [(5, 0.5), (2, 1.0)]),
        ('steps', [(5, 2.0)]),
        ('steps', 3),
    ):
        with pytest.raises(ValueError, match=name):
            ProbScheduleHook(**{name: value})


def test_a_shared_probability_can_be_pickled():
    transform = LocalMagnification(prob=0.3)
    copy = pickle.loads(pickle.dumps(transform))
    copy.prob = 0.9
    assert (transform.prob, copy.prob) == (0.3, 0.9)
    with pytest.raises(ValueError, match='prob'):
        transform.prob = 2


def test_a_probability_stays_shared_whatever_the_strategy_of_a_worker():
    """A worker that is spawned has torch's own, not that of its parent."""
    strategies = sorted(torch.multiprocessing.get_all_sharing_strategies())
    before = torch.multiprocessing.get_sharing_strategy()
    try:
        for made in strategies:
            torch.multiprocessing.set_sharing_strategy(made)
            transform = LocalMagnification()
            place = transform._prob.data_ptr()
            for taken in strategies:
                torch.multiprocessing.set_sharing_strategy(taken)
                transform.__setstate__({})
                assert transform._prob.data_ptr() == place
    finally:
        torch.multiprocessing.set_sharing_strategy(before)
