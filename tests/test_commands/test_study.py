import re
import shutil
import statistics

import mmcv
import pytest
from scipy import stats

from loma_mm.commands import study
from loma_mm.experiments import Key, Results
from loma_mm.experiments.work_dirs import settings_of
from loma_mm.running import find_config, load_config
from tests.helpers import ROOT, parse, run_python


@pytest.fixture(scope='module')
def bccd(digits, tmp_path_factory):
    """Four scenes of digits under the names of BCCD's classes."""
    folder = tmp_path_factory.mktemp('bccd')
    shutil.copytree(digits, folder, dirs_exist_ok=True)
    names = ('RBC', 'WBC', 'Platelets')
    for path in (folder / 'Annotations').glob('*.xml'):
        text = re.sub(
            '<name>(\\w+)</name>',
            lambda match: f'<name>{names[len(match[1]) - 3]}</name>',
            path.read_text(),
        )
        path.write_text(text)
    lists = folder / 'ImageSets' / 'Main'
    scenes = (lists / 'train.txt').read_text().split()
    (lists / 'trainval.txt').write_text('\n'.join(scenes[:4]))
    (lists / 'test.txt').write_text('\n'.join(scenes[4:6]))
    return folder


def test_a_run_of_detection(bccd, tmp_path, call):
    """Its data, its layout of work dirs, the metric of each class."""
    arguments = [
        'study',
        '--bccd',
        bccd,
        '--work-dir',
        tmp_path,
        '--seeds',
        4,
        '--cfg-options',
        'train_cfg.max_epochs=1',
    ]
    commands = call(*arguments, '--commands', 'python').out.splitlines()
    assert len(commands) == 3
    # One of three is trained by its command.
    words = commands[1].split()
    assert words[6] == str(tmp_path / 'bccd' / 'loma-rhombus' / 'seed4')
    run_python(*words[1:])
    assert '1 of 3 runs are done.' in call(*arguments, '--collect').out
    results = Results(str(tmp_path / 'results.csv')).read()
    assert {key for key, _ in results} == {Key('bccd/loma-rhombus', 4)}
    metrics = {metric for _, metric in results}
    assert 'pascal_voc/mAP' in metrics
    assert any(metric.startswith('pascal_voc/AP/') for metric in metrics)


def test_gpus_make_the_batch_that_the_rate_is_for(bccd, tmp_path, call):
    words = ['study', '--bccd', bccd, '--work-dir', tmp_path, '--gpus', 2]
    called = call(*words)
    assert called.code == 2
    assert called.err.rstrip().endswith(
        'is meant for 4 images a step, and 2 x 4 are 8: give --gpus 1, or '
        '--cfg-options train_dataloader.batch_size=2'
    )
    # The rate of another part may be for another number.
    more = call(*words, '--cifar10', bccd, '--parts', 'bccd', 'bccd-labels')
    assert more.err.rstrip().endswith('batch_size=2, and --parts bccd alone')
    words += ['--cfg-options', 'train_dataloader.batch_size=2']
    printed = call(*words, '--commands', 'torchrun').out.splitlines()
    assert len(printed) == 9 and all('nproc_per_node=2' in line for line in printed)


def test_runs_are_those_of_the_study(tmp_path):
    """Six methods of one schedule by five seeds, three by three."""
    args = parse(
        study,
        '--cifar10',
        'photos',
        '--bccd',
        'cells',
        '--work-dir',
        str(tmp_path),
    )
    study.complete_arguments(args)
    runs = study.make_runs('cifar10', args)
    assert len(runs) == 30 and len({run.work_dir for run in runs}) == 30
    assert runs[0].work_dir == str(tmp_path / 'cifar10/baseline/seed0')
    # No method has an option that the others lack.
    assert len({run.options for run in runs}) == 1
    assert (
        f'train_dataloader.dataset.ann_file={tmp_path}/cifar10/first500.txt'
    ) in runs[0].options
    detection = study.make_runs('bccd', args)
    assert len(detection) == 9 and len({run.options for run in detection}) == 1
    for run in runs + detection:
        assert find_config(run.config) and run.name.count('/') == 1


def test_labels_are_all_that_keep_and_warp_differ_in(tmp_path):
    """One schedule, five seeds each, runs that no other part files."""
    args = parse(study, '--bccd', 'cells', '--work-dir', str(tmp_path))
    runs = study.make_runs('bccd-labels', args)
    assert [run.name for run in runs[:3]] == [
        f'bccd-labels/{name}' for name in ('baseline', 'keep', 'warp')
    ]
    assert len({run.work_dir for run in runs}) == 15
    assert len({run.options for run in runs}) == 1
    baseline, keep, warp = (settings_of(load_config(run.config)) for run in runs[:3])
    labels = {key for key in warp if warp[key] != keep.get(key)}
    assert len(labels) == 1 and labels.pop().endswith('.labels')
    changed = {key for key in keep if keep[key] != baseline.get(key)}
    assert all(key.startswith('train_dataloader.dataset.pipeline') for key in changed)


def test_a_run_of_classification(classifier_options, tmp_path, monkeypatch, call):
    data = classifier_options[1][len('data_root=') :]
    part = study.COMPARISONS['cifar10']
    one = {'loma-if': part.methods['loma-if']}
    monkeypatch.setattr(study, 'PER_CLASS', 2)
    monkeypatch.setitem(study.COMPARISONS, 'cifar10', part._replace(methods=one))
    called = call(
        'study',
        '--cifar10',
        data,
        '--work-dir',
        tmp_path,
        '--seeds',
        0,
        '--cfg-options',
        *classifier_options[2:],
    )
    assert not called.code, called.said
    log = (tmp_path / 'cifar10' / 'loma-if' / 'seed0.log').read_text()
    assert 'Epoch(train) [1][1/1]' in log  # 20 images
    assert 'Epoch(val) [1][4/4]' in log  # all 450
    values = Results(str(tmp_path / 'results.csv')).values(
        'cifar10/loma-if', 'accuracy/top1'
    )
    assert f'accuracy/top1: {values[0]:.4f}' in log


def fill(path, methods):
    results = Results(str(path))
    for method, values in methods.items():
        for seed, value in values.items():
            results.add(Key(f'cifar10/{method}', seed), 'c', {'accuracy/top1': value})


def test_report(tmp_path, call):
    """Means, deviations and the test are of the seeds that are there."""
    baseline = {0: 70.0, 1: 71.5, 2: 70.5}
    loma = {0: 71.0, 1: 72.0, 2: 72.5, 3: 90.0}
    fill(
        tmp_path / 's.csv',
        {
            'baseline': baseline,
            'loma': loma,
            'loma-if': {2: 71.0},
            'random-erasing': {0: 60.0, 1: 61.51, 2: 60.5},
        },
    )
    page = tmp_path / 'page.md'
    page.write_text(
        'Before.\n<!-- begin cifar10 -->\nold\n<!-- end cifar10 -->\nAfter.\n'
    )
    arguments = [
        'study',
        '--csv',
        tmp_path / 's.csv',
        '--parts',
        'cifar10',
        '--report',
        page,
    ]
    call(*arguments)
    text = page.read_text()
    assert text.startswith('Before.\n<!-- begin') and 'old' not in text
    assert text.endswith('<!-- end cifar10 -->\nAfter.\n')
    rows = {
        line.split(' | ')[0].strip('| '): line.strip('| ').split(' | ')[1:]
        for line in text.splitlines()
        if line.startswith('|')
    }
    sd = statistics.stdev(loma.values())
    test = stats.ttest_rel([71, 72, 72.5], [70, 71.5, 70.5])
    assert rows['LOMA'][:3] == [f'76.38 ± {sd:.2f}', '4', '+1.17']
    assert float(rows['LOMA'][4]) == pytest.approx(test.pvalue, abs=5e-4)
    assert rows['LOMA'][3].startswith('-0.')
    assert rows['LOMA\\_IF'] == ['71.00', '1', '+0.50', '–', '–']
    assert rows['Random Erasing'][4] == '< 0.001'
    assert rows['Cutout'] == ['not run', '0', '–', '–', '–']
    assert mmcv.imread(tmp_path / 'study_cifar10.png').std() > 10
    call(*arguments)
    assert page.read_text() == text
    # Losses are said where a run has one.
    losses = {0: 0.0121, 1: 0.0141}
    results = Results(str(tmp_path / 's.csv'))
    for seed, loss in losses.items():
        metrics = {'accuracy/top1': loma[seed], 'loss': loss}
        results.add(Key('cifar10/loma', seed), 'c', metrics)
    call(*arguments)
    heads, *rest = [x for x in page.read_text().splitlines() if x.startswith('|')]
    assert heads.endswith('| p | Training loss at the end |')
    cells = {line.split(' | ')[0]: line.split(' | ')[-1] for line in rest}
    assert cells['| LOMA'] == f'0.013 ± {statistics.stdev(losses.values()):.3f} |'
    assert cells['| Baseline'] == '– |'
    page.write_text('No marks.')
    assert 'must have one pair of lines' in call(*arguments).err
    assert page.read_text() == 'No marks.'


def test_the_page_is_that_of_the_table():
    """docs/study.md holds what docs/study.csv gives, whatever that is."""
    text = (ROOT / 'docs' / 'study.md').read_text()
    results = Results(str(ROOT / 'docs' / 'study.csv'))
    for name in set(study.COMPARISONS) & set(re.findall('<!-- begin (.*?) -->', text)):
        assert study.make_table(name, study.outcomes(name, results)) in text


def test_data_must_be_named(call):
    called = call('study', '--parts', 'bccd')
    assert called.code == 2
    assert 'say where its data is: --bccd FOLDER' in called.err


@pytest.mark.parametrize(
    'ours, cells',
    [
        # No test is of values that are equal, or are none.
        ([70.0, 71.0], ['70.50 ± 0.71', '2', '+0.00', '–', '–']),
        ([70.0, float('nan')], ['nan ± nan', '2', '+nan', '–', '–']),
        ([], ['not run', '0', '–', '–', '–']),
        ([72.0], ['72.00', '1', '+2.00', '–', '–']),
    ],
)
def test_a_table_of_what_no_test_is_of(ours, cells):
    baseline = study.Outcome('Baseline', {0: 70.0, 1: 71.0}, {})
    method = study.Outcome('LOMA', dict(enumerate(ours)), {})
    line = study.make_table('cifar10', [baseline, method]).splitlines()[-1]
    assert line.strip('| ').split(' | ')[1:] == cells
