"""A table of the paper from nothing to its Markdown, on data of its format."""

import pytest

from loma_mm.commands import study, study_table
from loma_mm.experiments import Key, Results
from tests.helpers import parse
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
    ],
)
def test_wrong_words(words, message, call):
    called = call('study', *words)
    assert called.code == 2 and message in called.err
