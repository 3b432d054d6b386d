"""A table of the paper from nothing to its Markdown, on data of its format."""

import re
import shlex

import pytest

from loma_mm.commands import study, study_table
from loma_mm.experiments import Key, Results
from tests.helpers import ROOT, parse
from tests.test_user_path.shrink import shrink
from tests.test_user_path.standin import VOC_CLASSES, make_voc

LOMA = 'faster_rcnn/faster-rcnn_r50_fpn_loma-rhombus-1x_voc07'


@pytest.fixture(scope='module')
def options(tmp_path_factory):
    """Settings with which Table 7's row of LOMA takes two iterations."""
    root = tmp_path_factory.mktemp('VOCdevkit')
    make_voc(root / 'VOC2007', {'trainval': 4, 'test': 2}, VOC_CLASSES)
    return [
        '--cfg-options',
        *shrink(f'{LOMA}.py'),
        f'data_root={root}/',
        'auto_scale_lr.base_batch_size=2',
    ]


def test_a_row_is_trained_and_tabulated(options, tmp_path, call):
    words = ['study', '--table', 7, '--rows', '07, LOMA (rhombus)', '--seeds', 5]
    words += ['--work-dir', tmp_path, *options]
    called = call(*words)
    assert not called.code, called.said
    results = Results(str(tmp_path / 'table7' / 'results.csv'))
    value = results.values(LOMA, 'pascal_voc/mAP')
    assert list(value) == [5]
    table = (tmp_path / 'table7' / 'table.md').read_text()
    assert '## Table 7' in table and 'Faster R-CNN |' not in table
    assert f' | {value[5]:.2f} | 1 |' in table
    assert table in called.out
    # What has a result is not trained again.
    again = call(*words)
    assert '0 of 1 runs are to be done.' in again.out and table in again.out
    # Nor is it taken for what is trained otherwise.
    for rest, code in ((), 1), (('--commands', 'python'), 0), (('--collect',), 0):
        other = call(*words, 'train_cfg.max_epochs=2', *rest)
        assert other.code == code
        assert 'seed5 was trained with another train_cfg.max_epochs: give' in other.err
    # More GPUs may go on with it.
    assert not call(*words, 'train_dataloader.batch_size=1', '--gpus', 2).code


def test_results_of_elsewhere_are_tabulated(tmp_path, call):
    results = Results(str(tmp_path / 'r.csv'))
    for seed, value in enumerate((0.78, 0.80)):
        results.add(Key(LOMA, seed), LOMA.split('/')[1], {'pascal_voc/mAP': value})
    page = tmp_path / 'table.md'
    called = call(
        *('study', '--table', 7, '--csv', results.path, '--report', page),
        *('--work-dir', tmp_path),
    )
    assert not called.code, called.said
    text = page.read_text()
    assert '| 79.00 ± 1.41 | 2 |' in text
    assert '07+12, LOMA (ellipse)' in text and 'not run' in text


def test_every_table_has_runs(tmp_path):
    """Each row of the paper once a seed, in a work dir of its own."""
    for table in study_table.TABLES:
        args = parse(study, '--table', table, '--work-dir', tmp_path)
        study.complete_arguments(args)
        rows = study_table.rows_of(args)
        runs = study_table.runs_of(rows, args)
        assert {run.config for run in runs} == {row.config for row in rows}
        assert len({run.work_dir for run in runs}) == len(runs)
        assert {run.seed for run in runs} == {0, 1, 2}
        assert runs[0].work_dir.startswith(str(tmp_path / f'table{table}'))


@pytest.mark.parametrize(
    'table, texts, count',
    [
        (1, ['CIFAR-10'], 21),
        (1, ['cifar-10, resnet-20', 'Baseline'], 7 + 5),
        (1, ['ResNet-20, LOMA_IF'], 2),
        (1, ['LOMA'], 24),
        (5, ['FO'], 1),
        (6, ['RC', 'LOMA'], 2),
        (6, ['RC +'], 3),
        (7, ['07'], 3),
    ],
)
def test_rows_are_named_by_their_parts_or_by_texts_in_them(table, texts, count):
    """CIFAR-100 is no CIFAR-10, and a row can be had alone."""
    args = parse(study, '--table', table, '--rows', *texts)
    assert len(study_table.rows_of(args)) == count


def test_the_commands_of_the_page_make_the_runs_that_it_says():
    """None of them can be run here; those side by side are ten."""
    text = (ROOT / 'docs/reproduce.md').read_text()
    commands = re.findall(r'^    python -m loma_mm study ([^>\n]+)', text, re.M)
    assert len(commands) > 4
    counts = {}
    for command in commands:
        args = parse(study, *shlex.split(command))
        study.complete_arguments(args)
        counts[command] = len(study_table.runs_of(study_table.rows_of(args), args))
    assert counts[commands[0]] == 7 * 3
    assert [n for words, n in counts.items() if '--side-by-side' in words] == [10]


def test_tables_share_the_results_of_one_file(tmp_path, call):
    """Those that have a config in common."""
    results = Results(str(tmp_path / 'shared.csv'))
    name = 'wide_resnet/wrn28-10_1xb128-loma-rhombus_cifar100'
    results.add(Key(name, 0), name.split('/')[1], {'accuracy/top1': 82.0})
    for table, row in ((1, '82.00'), (3, '18.00'), (4, '18.00'), (5, '82.00')):
        called = call(
            *('study', '--table', table, '--seeds', 0, '--collect'),
            *('--csv', results.path, '--work-dir', tmp_path),
        )
        assert ': 1 of ' in called.out and f' | {row} | 1 |' in called.out


def test_what_is_fetched_says_nothing_among_the_jobs(tmp_path, call, monkeypatch):
    """As in `study --commands slurm > jobs.sh`."""
    monkeypatch.setattr(
        study_table, 'check_before_start', lambda *_: print('Downloading')
    )
    words = ['study', '--table', 1, '--rows', 'ResNet-20, Baseline', '--seeds', 0, 0]
    called = call(*words, '--work-dir', tmp_path, '--commands', 'slurm')
    assert not called.code, called.said
    # A seed that is named twice is one.
    assert [line.split()[0] for line in called.out.splitlines()] == ['srun'] * 2
    assert 'Downloading' in called.err


@pytest.mark.parametrize(
    'table, gpus, size, remedy',
    [
        (7, 3, 2, '--gpus 8'),
        (7, 1, 32, '--cfg-options train_dataloader.batch_size=16'),
        (7, 3, 3, '--gpus and a batch size that make 16'),
        # PyramidNet's, which then would not fit ResNet.
        (
            *(1, 2, 64),
            '--gpus 1, or --cfg-options train_dataloader.batch_size=32, and --rows of '
            'this network alone',
        ),
    ],
)
def test_remedies_of_batch_sizes_are_ones(table, gpus, size, remedy, call, tmp_path):
    called = call(
        *('study', '--table', table, '--work-dir', tmp_path, '--gpus', gpus),
        *('--cfg-options', f'train_dataloader.batch_size={size}'),
    )
    assert called.code == 2
    assert called.err.rstrip().endswith(f'give {remedy}')


def test_gpus(tmp_path, call, monkeypatch, options):
    """They must make the batch that the learning rate is for."""
    words = ['study', '--table', 2, '--rows', 'Baseline', '--work-dir', tmp_path]
    called = call(*words, '--gpus', 4)
    assert called.code == 2
    assert 'meant for 256 images a step, and 4 x 32 are 128: give --gpus 8' in (
        called.err
    )
    seen = []
    monkeypatch.setattr(
        'loma_mm.commands.experiment_arguments.run_all',
        lambda runs, results, train: seen.extend([*train, runs[0].config]) or [],
    )
    words = ['study', '--table', 7, '--rows', '07, LOMA (rhombus)']
    words += ['--work-dir', tmp_path, *options]
    words[words.index('auto_scale_lr.base_batch_size=2')] = (
        'auto_scale_lr.base_batch_size=4'
    )
    called = call(*words, '--gpus', 2)
    assert not called.code, called.said
    assert ' '.join(seen) == (
        '-m torch.distributed.run --standalone --nproc_per_node=2 -m loma_mm train '
        f'--launcher pytorch {LOMA}.py'
    )


@pytest.mark.parametrize(
    'words, message',
    [
        (['--table', 1, '--parts', 'bccd'], '--parts are of the study'),
        (['--rows', 'Baseline'], '--rows are those of a --table'),
        (['--table', 1, '--rows', 'VGG'], 'no row of Table 1 has VGG'),
        (['--table', 1, '--rows', 'Baseline', 'VGG'], 'no row of Table 1 has VGG'),
        (['--table', 1, '--cifar10', 'data'], '--cfg-options data_root=FOLDER'),
        (['--table', 1, '--report', 'a.md', '--commands', 'python'], 'not allowed'),
        (['--table', 1, '--report', 'a.md', '--csv', 'a.csv'], 'no results in a.csv'),
        (['--report', 'a.md', '--work-dir', 'none'], 'in none/results.csv: name'),
    ],
)
def test_wrong_words(words, message, call):
    called = call('study', *words)
    assert called.code == 2 and message in called.err
