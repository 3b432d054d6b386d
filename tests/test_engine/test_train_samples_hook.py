"""The page of training samples, in real training runs of both demos."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, VISBACKENDS, DefaultScope
from mmengine.visualization import BaseVisBackend

from loma_mm.engine import TrainSamplesHook
from loma_mm.running import load_config
from loma_mm.running.runner import build_runner
from tests.helpers import CLASSIFIER, DETECTOR
from tests.test_user_path.shrink import shrink

HOOK = dict(type='loma_mm.engine.TrainSamplesHook', number=4, columns=2, side=100)


@VISBACKENDS.register_module(force=True)
class RecordingVisBackend(BaseVisBackend):
    """What a tracking service would get."""

    images, scalars = [], []

    def _init_env(self):
        pass

    @property
    def experiment(self):
        return self

    def add_image(self, name, image, step=0, **kwargs):
        self.images.append((name, image, step))

    def add_scalar(self, name, value, step=0, **kwargs):
        self.scalars.append((name, value, step))


@pytest.fixture
def recorded():
    RecordingVisBackend.images.clear()
    RecordingVisBackend.scalars.clear()
    return RecordingVisBackend


@pytest.fixture
def train(digits, classifier_options, tmp_path):
    """Train a demo for two iterations; its runner, losses and folder."""

    def run(config, hooks, name, prob=0.5, workers=0):
        from mmengine.config import DictAction

        data = f'data_root={digits}/' if config == DETECTOR else classifier_options[1]
        options = dict(part.split('=', 1) for part in [*shrink(str(config)), data])
        cfg = load_config(
            str(config),
            {key: DictAction._parse_iterable(value) for key, value in options.items()},
        )
        cfg.work_dir = str(tmp_path / name)
        cfg.custom_hooks = hooks
        # Of those in one process and second, each has its own files.
        cfg.visualizer.name = cfg.experiment_name = cfg.work_dir.replace('/', '_')
        cfg.visualizer.vis_backends = [
            dict(type='LocalVisBackend'),
            dict(type='RecordingVisBackend', save_dir=''),
        ]
        cfg.default_hooks.logger.interval = 1
        cfg.train_dataloader.update(num_workers=workers, persistent_workers=workers > 0)
        dataset = cfg.train_dataloader.dataset
        while 'pipeline' not in dataset:
            dataset = dataset.dataset
        for step in dataset.pipeline:
            if str(step.type).endswith('LocalMagnification'):
                step.prob = prob
        runner = build_runner(cfg)
        runner.train()
        folder = tmp_path / name / runner.timestamp / 'vis_data'
        lines = (folder / 'scalars.json').read_text().splitlines()
        losses = [line['loss'] for line in map(json.loads, lines) if 'loss' in line]
        assert losses
        return runner, losses, folder

    with DefaultScope.overwrite_default_scope('mmengine'):
        yield run


@pytest.mark.slow
@pytest.mark.parametrize('config, workers', [(DETECTOR, 2), (CLASSIFIER, 0)])
def test_training_is_the_same_to_the_last_bit(config, workers, train, recorded):
    runners = [
        train(config, hooks, f'run{len(hooks)}', workers=workers)
        for hooks in ([], [HOOK])
    ]
    assert len(recorded.images) == 1
    (plain, losses, _), (hooked, same, _) = runners
    assert losses == same
    for one, other in zip(
        plain.model.state_dict().values(), hooked.model.state_dict().values()
    ):
        assert torch.equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize('config', [DETECTOR, CLASSIFIER])
@pytest.mark.parametrize('prob', [0, 1])
def test_the_page_and_the_share_reach_every_backend(config, prob, train, recorded):
    _, _, folder = train(config, [HOOK], 'run', prob=prob)
    ((name, page, step),) = recorded.images
    assert (name, step) == ('train_samples', 0)
    assert page.shape[1] == 2 * 100 + 3 * 8
    written = cv2.imread(str(folder / 'vis_image' / 'train_samples_0.png'))
    assert (written[..., ::-1] == page).all()
    shares = [one for one in recorded.scalars if one[0] == 'train_samples/loma_share']
    assert shares == [('train_samples/loma_share', prob, 0)]
    log = next(folder.parent.glob('*.log')).read_text()
    assert f'LOMA touched {4 * prob} of 4 training samples' in log
    # A classifier's images become larger than their 32 pixels, by labels too.
    cells = [
        page[8 + 108 * i : 108 + 108 * i, 8 + 108 * j : 108 + 108 * j]
        for i in range(2)
        for j in range(2)
    ]
    assert min(cell.std() for cell in cells) > 5
    assert len({cell.tobytes() for cell in cells}) == 4


@pytest.mark.slow
def test_what_cannot_be_drawn_is_a_warning_and_training_goes_on(
    train, recorded, monkeypatch
):
    monkeypatch.setattr(
        'loma_mm.visualization.annotate', lambda *args: 1 / 0, raising=True
    )
    _, losses, folder = train(CLASSIFIER, [HOOK], 'run')
    assert losses
    assert not recorded.images
    log = next(folder.parent.glob('*.log')).read_text()
    assert 'TrainSamplesHook cannot draw the training samples: division' in log


@pytest.mark.parametrize('name', ['number', 'columns', 'side'])
@pytest.mark.parametrize('value', [0, 1.5, 'a'])
def test_arguments_are_checked(name, value):
    with pytest.raises(ValueError, match=f'{name} must be a whole number'):
        TrainSamplesHook(**{name: value})


@pytest.mark.parametrize('config', [DETECTOR, CLASSIFIER])
def test_it_is_on_in_the_demos(config):
    types = [hook.type for hook in load_config(str(config)).custom_hooks]
    assert types == ['loma_mm.engine.TrainSamplesHook']


@DATASETS.register_module(force=True)
class Large(BaseDataset):
    def load_data_list(self):
        return [dict(img=np.zeros((4, 4, 3), np.uint8)) for _ in range(3)]


def test_annotations_are_not_copied():
    from loma_mm.engine.hooks.train_samples_hook import _copy

    dataset = Large(pipeline=[dict(type='LocalMagnification', prob=1)])
    there = _copy(dataset)
    assert there.data_bytes is dataset.data_bytes
    assert there.pipeline.transforms[0] is not dataset.pipeline.transforms[0]
    there.pipeline.transforms[0].prob = 0
    assert dataset.pipeline.transforms[0].prob == 1
