import csv
import shlex

import mmcv
import pytest
from mmengine.registry import init_default_scope

from loma_mm.commands import sweep
from loma_mm.errors import ConfigError
from loma_mm.experiments import Key, Results
from loma_mm.experiments.paper import read_rows
from loma_mm.running import load_config
from loma_mm.running.options import parse_options
from tests.helpers import CLASSIFIER, ROOT, parse, run_command

CONFIGS = ROOT / 'configs'
BASIC = CONFIGS / 'resnet_cifar' / 'resnet20_1xb128-loma-rhombus_cifar10.py'


def test_figure_6_is_that_of_the_configs():
    """The sweep needs none of these files, but agrees with all of them."""
    cfg = load_config(str(BASIC))
    init_default_scope('mmpretrain')
    found = []
    for row in read_rows(CONFIGS):
        if row.part != 'Figure 6':
            continue
        parameter, value = row.row.split(' = ')
        found.append((parameter, float(value)))
        point = sweep.make_point(cfg, parameter, float(value))
        swept = load_config(str(BASIC), parse_options(point.options))
        written = load_config(str(CONFIGS / row.config))
        pipeline = swept.train_dataloader.dataset.pipeline
        assert pipeline == written.train_dataloader.dataset.pipeline, row
        # The setting that the three curves share is one run.
        assert (point.name == 'basic') == (row.config.endswith(BASIC.name)), row
    assert found == [
        (parameter, value)
        for parameter, values in sweep.FIGURE_6.items()
        for value in values
    ]


@pytest.mark.parametrize(
    'parameter, value, name, config',
    [
        ('l', 1, 'l1', 'wrn28-10_1xb128-loma-if-fo-l1_cifar100'),
        ('l', 3, 'l3', 'wrn28-10_1xb128-loma-if-fo-l3_cifar100'),
        ('p_f', 0.25, 'pf0.25', 'wrn28-10_1xb128-loma-if-fo-pf0.25_cifar100'),
        ('p_f', 0.5, 'basic', 'wrn28-10_1xb128-loma-if-fo_cifar100'),
    ],
)
def test_feature_augments_agree_with_tables_3_and_4(parameter, value, name, config):
    folder = CONFIGS / 'wide_resnet'
    base = str(folder / 'wrn28-10_1xb128-loma-if-fo_cifar100.py')
    init_default_scope('mmpretrain')
    point = sweep.make_point(load_config(base), parameter, value)
    assert point.name == name
    swept = load_config(base, parse_options(point.options))
    assert swept.model == load_config(str(folder / f'{config}.py')).model


def test_every_dataset_of_a_detector_gets_the_value():
    path = str(
        CONFIGS / 'faster_rcnn' / 'faster-rcnn_r50_fpn_loma-rhombus-1x_voc0712.py'
    )
    point = sweep.make_point(load_config(path), 'a_max', 2)
    cfg = load_config(path, parse_options(point.options))
    parts = cfg.train_dataloader.dataset.dataset.datasets
    assert [part.pipeline[-3].ratio_range for part in parts] == [(1, 2)] * 2


def test_an_argument_that_the_config_leaves_out():
    cfg = load_config(str(BASIC))
    step = cfg.train_dataloader.dataset.pipeline[2]
    step.type = 'loma_mm.LocalMagnification'
    del step['radius_range']
    assert sweep.make_point(cfg, 'r_max', 0.7).name == 'basic'
    assert sweep.make_point(cfg, 'r_max', 0.5).options == (
        'train_dataloader.dataset.pipeline.2.radius_range=(0.03,0.5)',
    )


@pytest.mark.parametrize(
    'parameter, value, said',
    [
        ('p', 1.5, r'p = 1.5: prob must be'),
        ('r_max', 0.01, r'r_max = 0.01: radius_range must be'),
        ('l', 2, r'no FeatureAugmentBackbone in its model'),
    ],
)
def test_mistakes_are_said_before_work_starts(parameter, value, said):
    with pytest.raises(ConfigError, match=said):
        sweep.make_point(load_config(str(BASIC)), parameter, value)


def test_one_command_from_runs_to_plot(tiny_options, tmp_path, call):
    arguments = [
        'sweep',
        CLASSIFIER,
        '--p',
        0.25,
        0.5,
        '--seeds',
        7,
        '--work-dir',
        tmp_path / 'sweep',
        '--cfg-options',
        *tiny_options,
    ]
    printed = call(*arguments, '--commands', 'torchrun', '--gpus', 2).out
    commands = [shlex.split(line) for line in printed.splitlines()]
    assert [line[line.index('--work-dir') + 1] for line in commands] == [
        str(tmp_path / 'sweep' / name / 'seed7') for name in ('p0.25', 'basic')
    ]
    for line in commands:
        assert line[:5] == ['torchrun', '--nproc_per_node=2', '-m', 'loma_mm', 'train']
        assert line[line.index('--launcher') + 1] == 'pytorch'
    assert not (tmp_path / 'sweep').exists()
    # As a job on a cluster would, with one process.
    words = commands[0][4:]
    at = words.index('--launcher')
    run_command(*words[:at], *words[at + 2 :])
    called = call(*arguments, '--collect')
    assert not called.code and '1 of 2 runs are done.' in called.out
    # The rest is done here.
    called = call(*arguments)
    assert not called.code and '1 of 2 runs are to be done.' in called.out
    with open(tmp_path / 'sweep' / 'results.csv') as file:
        rows = list(csv.DictReader(file))
    assert [(row['name'], row['seed'], row['metric']) for row in rows] == [
        (name, '7', metric)
        for name in ('basic', 'p0.25')
        for metric in ('accuracy/top1', 'loss')
    ]
    log = (tmp_path / 'sweep' / 'basic' / 'seed7.log').read_text()
    assert f'accuracy/top1: {float(rows[0]["value"]):.4f}' in log
    assert mmcv.imread(tmp_path / 'sweep' / 'sweep.png').std() > 10


def test_the_baseline_is_checked_before_the_first_run(tiny_options, tmp_path, call):
    arguments = ['sweep', CLASSIFIER, '--p', 0.25, '--work-dir', tmp_path / 'sweep']
    arguments += ['--cfg-options', *tiny_options]
    assert 'no config file typo.py' in call(*arguments, '--baseline', 'typo.py').err
    mine = tmp_path / 'mine.py'
    mine.write_text(
        f"_base_ = '{CLASSIFIER}'\nval_dataloader = dict(dataset=dict("
        "split='nowhere'))\n"
    )
    called = call(*arguments, '--baseline', mine)
    assert called.code == 1 and 'val_dataloader.dataset cannot' in called.err
    assert not (tmp_path / 'sweep').exists()


def test_what_goes_wrong(tmp_path, call):
    arguments = ['sweep', CLASSIFIER, '--p', 0.25, '--work-dir', tmp_path / 'sweep']
    called = call(*arguments, '--cfg-options', 'data_root=nowhere')
    assert called.code == 1 and 'is not on disk' in called.err
    assert not (tmp_path / 'sweep').exists()
    called = call(*arguments, '--collect')
    assert not called.code and '0 of 1 runs are done.' in called.out
    assert not (tmp_path / 'sweep').exists()  # nothing to draw


def test_the_plot_shows_mean_and_spread(tmp_path, monkeypatch):
    results = Results(str(tmp_path / 'r.csv'))
    values = {'basic': (90, 92), 'p0.25': (80, 80), 'baseline': (70, 71)}
    for name, both in values.items():
        for seed, value in enumerate(both):
            results.add(Key(name, seed), BASIC.stem, {'accuracy/top1': value})
    args = parse(
        sweep,
        str(BASIC),
        '--p',
        '0.5',
        '0.25',
        '--seeds',
        '0',
        '1',
        '--baseline',
        'b.py',
        '--out',
        str(tmp_path / 'a.png'),
    )
    sweep.complete_arguments(args)
    figures = []
    monkeypatch.setattr(
        sweep, 'save_figure', lambda figure, path: figures.append(figure)
    )
    cfg = load_config(str(BASIC))
    points = [sweep.make_point(cfg, 'p', value) for value in args.grid['p']]
    assert sweep.draw(points, results, args, 'Title')
    (axes,) = figures[0].axes
    assert axes.get_ylabel() == 'Test accuracy (%)'
    bars = axes.containers[0]
    assert bars.lines[0].get_xydata().tolist() == [[0.25, 80], [0.5, 91]]
    low, high = bars.lines[2][0].get_segments()[1][:, 1]
    assert (low, high) == pytest.approx((91 - 2**0.5, 91 + 2**0.5))


def test_a_metric_of_another_toolbox_is_drawn(tmp_path, monkeypatch, call):
    path = tmp_path / 'r.csv'
    words = ['sweep', BASIC, '--p', 0.5, 0.25, '--csv', path, '--collect']
    words += ['--work-dir', tmp_path / 'runs', '--out', tmp_path / 'a.png']
    metrics = {'coco/segm_mAP': 0.3, 'coco/bbox_mAP': 0.4, 'loss': 1.0}
    for name in ('basic', 'p0.25'):
        Results(str(path)).add(Key(name, 0), BASIC.stem, metrics)
    figures = []
    monkeypatch.setattr(
        sweep, 'save_figure', lambda figure, path: figures.append(figure)
    )
    for wanted, label, value in [
        ([], 'Box mAP (%)', 40),
        (['--metric', 'coco/segm_mAP'], 'coco/segm_mAP (%)', 30),
    ]:
        assert not call(*words, *wanted).code
        axes = figures[-1].axes[0]
        assert axes.get_ylabel() == label
        assert list(axes.lines[0].get_ydata()) == pytest.approx([value] * 2)
    called = call(*words, '--metric', 'mAP')
    assert called.code == 1 and 'has no mAP: give --metric one of coco/' in called.err


def test_any_metric_is_better_than_no_plot(tmp_path):
    results = Results(str(tmp_path / 'r.csv'))
    args = parse(sweep, str(BASIC))
    assert sweep.find_metric(results, args) is None
    results.add(Key('basic', 0), BASIC.stem, {'loss': 1, 'mIoU': 70})
    assert sweep.find_metric(results, args) == 'mIoU'
