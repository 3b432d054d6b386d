"""All runs of a part of the study at once, on a few digits."""

import shutil
from pathlib import Path

import mmcv
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from loma_mm.errors import ConfigError, DataError
from loma_mm.experiments import Results, Run, side_by_side
from loma_mm.experiments.device_images import Images, TrainPipeline, load_images
from loma_mm.experiments.side_by_side import prepare_training
from loma_mm.functional import magnify_image
from loma_mm.running import load_config
from loma_mm.running.trust import load_checkpoint_file
from loma_mm.running.work_dir import locked
from loma_mm.sampler import RegionSampler
from loma_mm.seeding import seed_generators

CONFIG = 'resnet_cifar/resnet20_1xb128{}_image-folder.py'


@pytest.fixture(scope='module')
def photos(classifier_options, tmp_path_factory):
    """Nine images of each class to train on, four to test."""
    source = Path(classifier_options[1].removeprefix('data_root='))
    folder = tmp_path_factory.mktemp('photos')
    for split, count in (('train', 9), ('test', 4)):
        for place in sorted((source / split).iterdir()):
            target = folder / split / place.name
            target.mkdir(parents=True)
            for path in sorted(place.iterdir())[:count]:
                shutil.copy(path, target)
    return folder


@pytest.fixture
def words(photos, tmp_path):
    """The command, for three epochs of batches of 40, 40 and 10."""
    return [
        *('study', '--cifar10', photos, '--parts', 'cifar10-full'),
        *('--work-dir', tmp_path, '--seeds', 0, '--side-by-side', '--cfg-options'),
        *('train_dataloader.batch_size=40', 'auto_scale_lr.base_batch_size=40'),
        *('train_cfg.max_epochs=3', 'train_cfg.val_interval=3'),
        *('train_dataloader.num_workers=0', 'val_dataloader.num_workers=0'),
        *('default_hooks.checkpoint.interval=1', 'param_scheduler.1.milestones=[1,2]'),
        'optim_wrapper.dtype=float32',
    ]


def weights(folder):
    (path,) = Path(folder).glob('*.pth')
    return load_checkpoint_file(path)


def test_what_is_typed(words, photos, tmp_path, call):
    called = call(*words)
    assert not called.code, called.said
    assert '2 of 2 runs are to be done, side by side.' in called.out
    results = Results(str(tmp_path / 'results.csv')).read()
    assert len(results) == 4
    for name, method in (('baseline', ''), ('loma', '-loma')):
        folder = tmp_path / 'cifar10-full' / name / 'seed0'
        checkpoint = weights(folder)
        assert checkpoint['meta'] == dict(epoch=3, iter=9, seed=0)
        losses = checkpoint[side_by_side.PROGRESS]['losses']
        assert losses[-1] < losses[0] and len(losses) == 9
        filed = {k[1]: v.value for k, v in results.items() if k[0].name.endswith(name)}
        assert filed['loss'] == pytest.approx(losses.mean().item(), rel=1e-4)
        # The command test finds what was filed.
        tested = call(
            *('test', CONFIG.format(method), folder / 'epoch_3.pth'),
            *('--work-dir', tmp_path / 'test', '--cfg-options', f'data_root={photos}'),
            'test_dataloader.num_workers=0',
        )
        assert f'accuracy/top1: {filed["accuracy/top1"]:.4f}' in tested.said
    # What is filed is not done again, and plain training does not mix it up.
    assert '0 of 2 runs' in call(*words).out
    words = ['train', CONFIG.format(''), '--resume', '--cfg-options']
    folder = tmp_path / 'cifar10-full' / 'baseline' / 'seed0'
    refused = call(*words, f'data_root={photos}', '--work-dir', folder)
    assert refused.code and 'has weights and no message_hub' in refused.err


def test_a_killed_training_ends_as_one_that_was_not(words, tmp_path, call, monkeypatch):
    whole = [*words]
    whole[whole.index(tmp_path)] = tmp_path / 'whole'
    assert not call(*whole).code
    end_epoch, ended = side_by_side.Training.end_epoch, []

    def killed(self):
        end_epoch(self)
        ended.append(self)
        if len(ended) == 3:  # one run has two epochs, the other one
            raise KeyboardInterrupt

    monkeypatch.setattr(side_by_side.Training, 'end_epoch', killed)
    assert call(*words).code
    monkeypatch.undo()
    assert not call(*words).code
    for name in ('baseline', 'loma'):
        ours, theirs = (
            weights(folder / 'cifar10-full' / name / 'seed0')
            for folder in (tmp_path, tmp_path / 'whole')
        )
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def make_run(photos, root, method='', *options):
    common = (
        f'data_root={photos}',
        'train_dataloader.num_workers=0',
        'val_dataloader.num_workers=0',
    )
    return Run('some/run', CONFIG.format(method), 3, str(root), (*common, *options))


def test_it_starts_from_the_weights_that_train_starts_from(photos, tmp_path, call):
    rest = ('optim_wrapper.optimizer.lr=0.0', 'train_cfg.max_epochs=1')
    run = make_run(photos, tmp_path, '', *rest)
    training = prepare_training(run, {})
    called = call('train', run.config, '--work-dir', run.work_dir, *run.arguments)
    assert not called.code, called.said
    trained = weights(run.work_dir)['state_dict']
    for name, parameter in training.model.named_parameters():
        assert torch.equal(parameter, trained[name]), name
    with pytest.raises(ConfigError, match='is of a training without --side-by-side'):
        prepare_training(run, {})


def test_the_rate_is_that_of_the_schedule(photos, tmp_path):
    training = prepare_training(
        make_run(
            photos,
            tmp_path,
            '',
            'train_cfg.max_epochs=20',
            'train_dataloader.batch_size=9',
            'param_scheduler.0.end=4',
            'param_scheduler.1.milestones=[5,10]',
        ),
        {},
    )
    assert len(training.rates) == 20 * 10
    expected = [0.1 * 0.1 ** ((i >= 50) + (i >= 100)) for i in range(200)]
    # LinearLR, from 0.005 of the rate on, in steps of a third of the rest
    expected[:4] = [0.1 * (0.005 + 0.995 * min(i / 3, 1)) for i in range(4)]
    np.testing.assert_allclose(training.rates, expected, rtol=1e-5)


@pytest.mark.parametrize('method', ['', '-loma'])
def test_an_epoch_is_what_a_loop_over_its_images_gives(photos, method):
    cfg = load_config(CONFIG.format(method), dict(data_root=str(photos)))
    cfg.train_dataloader.num_workers = 0
    init_default_scope('mmpretrain')
    pipeline = TrainPipeline(cfg)
    images = load_images(cfg.train_dataloader, pipeline.load, 'cpu')
    count = len(images.labels)
    assert (
        images.pixels.shape == (90, 32, 32, 3) and images.labels.bincount().eq(9).all()
    )
    out = Images(*map(torch.empty_like, images))
    seed_generators(5, 2)
    pipeline.augment(images, pipeline.pad(images), out)
    # The same draws, one image after the other.
    seed_generators(5, 2)
    order = torch.randperm(count)
    top, left = (torch.randint(9, (count,)) for _ in 'yx')
    flipped = torch.rand(count) < 0.5
    draws = torch.rand(count, 6, dtype=torch.float64) if method else None
    sampler = RegionSampler('rhombus', (0.03, 0.7), (1.0, 3.0))
    touched = 0
    for n in range(count):
        image = images.pixels[order[n]].numpy()
        image = np.pad(image, ((4, 4), (4, 4), (0, 0)))
        image = image[top[n] : top[n] + 32, left[n] : left[n] + 32]
        image = image[:, ::-1] if flipped[n] else image
        if method and draws[n, 0] < 0.5:
            region = sampler.draw(iter(draws[n, 1:].tolist()).__next__).at(32, 32)
            magnified = magnify_image(image, region)
            touched += not np.array_equal(image, magnified)
            image = magnified
        np.testing.assert_array_equal(out.pixels[n], image)
        assert out.labels[n] == images.labels[order[n]]
    assert not method or 20 < touched < 70


@pytest.mark.parametrize(
    'method, options, message',
    [
        ('-loma-if', (), 'feature augments'),
        ('-cutout', (), 'is all that --side-by-side knows'),
        ('', ('train_dataloader.dataset.pipeline.3.direction=vertical',), 'horizontal'),
        (
            '-loma',
            ('train_dataloader.dataset.pipeline.4.interpolation=bilinear',),
            'is all that',
        ),
        ('', ('train_dataloader.dataset.pipeline.2.crop_size=24',), r'\(24, 24\)'),
        ('', ('optim_wrapper.clip_grad.max_norm=1',), 'more than an optimizer'),
        ('', ('optim_wrapper.type=AmpOptimWrapper',), 'more than an optimizer'),
        ('', ('custom_hooks.0.type=EMAHook',), 'custom_hooks'),
    ],
)
def test_what_cannot_be_recorded_is_said(photos, tmp_path, method, options, message):
    with pytest.raises(ConfigError, match=message):
        prepare_training(make_run(photos, tmp_path, method, *options), {})


@pytest.mark.parametrize(
    'name', ['r18_fpn_loma-rhombus-scratch-4e_digits', 'r50_fpn_1x_voc07']
)
def test_a_detector_is_none(tmp_path, name):
    run = Run('some/run', f'faster_rcnn/faster-rcnn_{name}.py', 0, str(tmp_path))
    with pytest.raises(ConfigError, match='which is all that --side-by-side knows'):
        prepare_training(run, {})


def test_a_run_of_another_process_is_left_to_it(words, tmp_path, call):
    with locked(str(tmp_path / 'cifar10-full' / 'loma' / 'seed0')):
        called = call(*words)
    assert called.code == 1 and 'is being done by another process' in called.err
    results = Results(str(tmp_path / 'results.csv')).read()
    assert {key.name for key, _ in results} == {'cifar10-full/baseline'}


def test_a_loss_that_is_no_number_ends_it(words, call):
    called = call(*words, 'optim_wrapper.optimizer.lr=1e30')
    assert called.code == 1
    for name in ('baseline', 'loma'):
        assert f'cifar10-full/{name}, seed 0: a loss of epoch 1 is no' in called.err


def test_what_it_cannot_do_does_not_stop_the_others(words, tmp_path, call, monkeypatch):
    monkeypatch.setattr('loma_mm.commands.study.PER_CLASS', 2)
    words[words.index('cifar10-full')] = 'cifar10-long'
    called = call(*words)
    assert called.code == 1
    for name in ('loma-if', 'loma-if-fo'):
        assert f'cifar10-long/{name}, seed 0: ' in called.err
    results = Results(str(tmp_path / 'results.csv')).read()
    names = {key.name for key, _ in results}
    assert names == {'cifar10-long/baseline', 'cifar10-long/loma'}


def test_images_of_two_sizes_are_named(photos, tmp_path):
    cfg = load_config(CONFIG.format(''), dict(data_root=str(photos)))
    cfg.train_dataloader.num_workers = 0
    init_default_scope('mmpretrain')
    load = [dict(type='LoadImageFromFile'), dict(type='ResizeEdge', scale=40)]
    path = next(iter(sorted((photos / 'train').iterdir()))) / 'z.png'
    mmcv.imwrite(np.zeros((8, 16, 3), np.uint8), str(path))
    try:
        with pytest.raises(DataError, match=r'z\.png has \(40, 80, 3\)'):
            load_images(cfg.train_dataloader, load, 'cpu')
    finally:
        path.unlink()


def test_it_is_of_one_gpu(words, call):
    words.insert(1, '--gpus=2')
    called = call(*words)
    assert called.code == 2 and '--side-by-side' in called.err


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_what_is_recorded_is_what_runs(photos, tmp_path, monkeypatch):
    losses = []
    for warm_up in (side_by_side.WARM_UP, 1000):
        monkeypatch.setattr(side_by_side, 'WARM_UP', warm_up)
        options = ('train_cfg.max_epochs=10', 'train_dataloader.batch_size=40')
        training = prepare_training(
            make_run(photos, tmp_path / str(warm_up), '', *options), {}
        )
        side_by_side._train([training], [])
        assert bool(training.graphs) == (warm_up < 1000)
        losses.append(training.losses.cpu())
    torch.testing.assert_close(*losses, rtol=0.05, atol=0.05)
