import csv
import shutil

import pytest
from mmdet.datasets import VOCDataset
from mmengine.visualization import LocalVisBackend

from loma_mm.experiments.paper import read_class_rows, read_rows
from loma_mm.running import load_config
from tests.helpers import ROOT, run_command

CONFIGS = ROOT / 'configs'
RESNET = 'resnet_cifar/resnet20_1xb128-loma-rhombus_cifar10.py'
VOC = 'faster_rcnn/faster-rcnn_r50_fpn_loma-ellipse-1x_voc07.py'


def leave(folder, config, seed, metrics, step, options=None):
    """What MMEngine leaves of a training run, written by MMEngine."""
    cfg = load_config(
        str(CONFIGS / config), {'randomness.seed': seed, **(options or {})}
    )
    backend = LocalVisBackend(str(folder / '20260101_000000' / 'vis_data'))
    backend.add_config(cfg)
    backend.add_scalars({'loss': 1.0, 'iter': 1, 'epoch': 1}, step=1)
    backend.add_scalars(dict(metrics, time=0.1, data_time=0.1), step=step)
    shutil.copy(
        folder / '20260101_000000' / 'vis_data' / 'config.py',
        folder / cfg.filename.rpartition('/')[2],
    )


def rows_of(path, part):
    with open(path, encoding='utf-8') as file:
        return {
            (row['row'], row['metric']): row
            for row in csv.DictReader(file)
            if row['part'] == part
        }


@pytest.fixture(scope='module')
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp('work_dirs')
    top1 = 'accuracy/top1'
    for seed, value in ((0, 93.0), (1, 94.0)):
        leave(
            folder / f'a/{seed}',
            RESNET,
            seed,
            {top1: value},
            300,
            {'train_dataloader.dataset.data_root': '/elsewhere'},
        )
    leave(folder / 'twin', RESNET, 0, {top1: 1.0}, 300)
    leave(folder / 'early', RESNET, 2, {top1: 1.0}, 299)
    leave(folder / 'short', RESNET, 3, {top1: 1.0}, 2, {'train_cfg.max_epochs': 2})
    leave(
        folder / 'small',
        RESNET,
        4,
        {top1: 1.0},
        300,
        {'train_dataloader.batch_size': 64},
    )
    # A point of a sweep.
    leave(
        folder / 'p',
        RESNET,
        0,
        {top1: 92.0},
        300,
        {'train_dataloader.dataset.pipeline.2.prob': 0.25},
    )
    leave(
        folder / 'in1k',
        'resnet/resnet50_8xb32_in1k.py',
        0,
        {top1: 76.5, 'accuracy/top5': 93.0},
        300,
    )
    leave(
        folder / 'voc',
        VOC,
        0,
        {
            'pascal_voc/mAP': 0.731,
            'pascal_voc/AP50': 0.731,
            'pascal_voc/AP/aeroplane': 0.812,
            'pascal_voc/AP/tvmonitor': 0.71,
        },
        4,
    )
    out = tmp_path_factory.mktemp('out')
    said = run_command(
        'tables', folder, '--out', out / 't.md', '--csv', out / 't.csv'
    ).stdout
    return folder, out, said


def test_ours_beside_the_paper_s(tables):
    _, out, _ = tables
    text = (out / 't.md').read_text(encoding='utf-8')
    assert (
        '| CIFAR-10, ResNet-20, LOMA (rhombus) | 93.27 ± 0.10 | 93.50 ± 0.71 | 2 |'
    ) in text
    assert ('| CIFAR-10, ResNet-20, Baseline | 92.75 ± 0.26 | not run | – |') in text
    row = rows_of(out / 't.csv', 'Table 1')[
        'CIFAR-10, ResNet-20, LOMA (rhombus)', 'accuracy/top1'
    ]
    assert (row['paper'], row['mean'], row['sd'], row['seeds']) == (
        '93.27 ± 0.10',
        '93.5000',
        '0.7071',
        '2',
    )


def test_errors_and_two_numbers_in_a_row(tables):
    _, out, _ = tables
    text = (out / 't.md').read_text(encoding='utf-8')
    assert '| Baseline | 23.00 / 6.67 | 23.50 / 7.00 | 1 |' in text
    rows = rows_of(out / 't.csv', 'Table 2')
    assert rows['Baseline', 'accuracy/top5']['paper'] == '6.67'
    assert rows['Cutout', 'accuracy/top5']['mean'] == ''


def test_table_7_has_the_classes(tables):
    _, out, _ = tables
    text = (out / 't.md').read_text(encoding='utf-8')
    assert '| 07, LOMA (ellipse) | 73.2 | 73.10 | 1 |' in text
    head = '| Row |  | aero | bike | bird | boat | bottle | bus | car | cat |'
    assert head in text
    lines = text[text.index(head) :].splitlines()
    at = next(
        i
        for i, line in enumerate(lines)
        if line.startswith('| 07, LOMA (ellipse) | paper | 80.7 | 83.5')
    )
    ours = lines[at + 1].strip('| ').split(' | ')
    assert ours[:3] == ['ours', '81.2', '–'] and ours[-2:] == ['71.0', '73.1']
    assert len(ours) == 22
    assert lines[at - 1].startswith('|  | ours | not run |')


def test_a_sweep_fills_figure_6(tables):
    _, out, _ = tables
    rows = rows_of(out / 't.csv', 'Figure 6')
    assert rows['p = 0.25', 'accuracy/top1']['mean'] == '92.0000'
    # The point in the middle is Table 1's.
    assert rows['p = 0.5', 'accuracy/top1']['seeds'] == '2'
    assert rows['p = 0.75', 'accuracy/top1']['seeds'] == '0'


def test_what_does_not_count_is_said(tables):
    folder, _, said = tables
    left_out = dict(
        line[len(f'Left out: {folder}/') :].split(': ', 1)
        for line in said.splitlines()
        if line.startswith('Left out')
    )
    assert left_out.pop('early') == 'its last epoch has not been validated.'
    assert left_out.pop('short') == (f'train_cfg.max_epochs is not as in {RESNET}.')
    assert left_out.pop('small') == (
        f'train_dataloader.batch_size is not as in {RESNET}.'
    )
    # One of the two with seed 0.
    ((place, reason),) = left_out.items()
    other = {'twin': 'a/0', 'a/0': 'twin'}[place]
    assert reason == f'the same seed as {folder}/{other}.'
    assert '5 of 9 work dirs are in the tables.' in said


def test_settings_that_may_differ(tables, tmp_path, call):
    folder, _, _ = tables
    said = call(
        'tables',
        folder / 'small',
        '--ignore',
        'train_dataloader.batch_size',
        '--results',
        tmp_path / 'r.csv',
    ).out
    assert ('| CIFAR-10, ResNet-20, LOMA (rhombus) | 93.27 ± 0.10 | 1.00 | 1 |') in said


def test_a_run_of_another_config(classifier, tmp_path, call):
    said = call('tables', classifier, '--results', tmp_path / 'r.csv').out
    # Nothing counted, so nothing is filed.
    assert not (tmp_path / 'r.csv').exists()
    assert f'Left out: {classifier}: none of the configs' in said
    assert '0 of 1 work dirs are in the tables.' in said


def test_per_class_numbers_of_the_paper():
    """Their means are the mAP that the paper prints, but for rounding."""
    rows = [row for row in read_rows(CONFIGS) if row.part == 'Table 7']
    classes = read_class_rows(CONFIGS)
    assert list(classes) == [row.row for row in rows]
    for row in rows:
        assert tuple(classes[row.row]) == VOCDataset.METAINFO['classes']
        mean = sum(map(float, classes[row.row].values())) / 20
        assert mean == pytest.approx(float(row.paper), abs=0.11)


def test_results_outlive_work_dirs(tables, tmp_path, call):
    """The tables are made from what is filed."""
    folder, out, _ = tables
    empty = tmp_path / 'empty'
    empty.mkdir()
    shutil.copy(folder / 'results.csv', empty)
    called = call('tables', empty, '--out', tmp_path / 't.md')
    assert '0 of 0 work dirs' in called.out
    assert (tmp_path / 't.md').read_text() == (out / 't.md').read_text()


def test_no_such_folder(call):
    called = call('tables', 'nowhere')
    assert called.code == 2 and 'there is no folder nowhere' in called.err
