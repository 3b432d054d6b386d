import re
import shutil
import statistics

import mmcv
import pytest
from scipy import stats

from loma_mm.engine.experiments import Results, Run
from tests.conftest import ROOT, run_tool
from tools import study


@pytest.fixture
def call(monkeypatch, capsys):
    """Call the tool in this process: returns its exit code and output."""
    monkeypatch.chdir(ROOT)

    def call_tool(*arguments):
        monkeypatch.setattr('sys.argv', ['study.py', *map(str, arguments)])
        capsys.readouterr()
        code = None
        try:
            study.main()
        except SystemExit as end:
            code = end.code
        output = capsys.readouterr()
        return code, output.out if not code else output.err

    return call_tool


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
        '--bccd',
        bccd,
        '--work-dir',
        tmp_path,
        '--seeds',
        4,
        '--cfg-options',
        'train_cfg.max_epochs=1',
    ]
    commands = call(*arguments, '--commands', 'python')[1].splitlines()
    assert len(commands) == 3
    # One of three is trained by its command.
    words = commands[1].split()
    assert words[4] == str(tmp_path / 'bccd' / 'loma-rhombus' / 'seed4')
    run_tool(*words[1:])
    assert '1 of 3 runs are done.' in call(*arguments, '--collect')[1]
    # With other settings than its own, never in docs/study.csv.
    results = Results(str(tmp_path / 'results.csv')).read()
    assert {(name, seed) for name, seed, _ in results} == {('bccd/loma-rhombus', 4)}
    metrics = {metric for _, _, metric in results}
    assert 'pascal_voc/mAP' in metrics
    assert any(metric.startswith('pascal_voc/AP/') for metric in metrics)


def test_runs_are_those_of_the_study(monkeypatch, tmp_path):
    """Six methods of one schedule by five seeds, three by three."""
    monkeypatch.setattr(
        'sys.argv',
        [
            'study.py',
            '--cifar10',
            'photos',
            '--bccd',
            'cells',
            '--work-dir',
            str(tmp_path),
        ],
    )
    args = study.parse_args()
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
        assert (ROOT / run.config).is_file() and run.name.count('/') == 1


def test_a_run_of_classification(classifier_options, tmp_path, monkeypatch, call):
    data = classifier_options[1][len('data_root=') :]
    part = study.PARTS['cifar10']
    one = {'loma-if': part.methods['loma-if']}
    monkeypatch.setattr(study, 'PER_CLASS', 2)
    monkeypatch.setitem(study.PARTS, 'cifar10', part._replace(methods=one))
    code, _ = call(
        '--cifar10',
        data,
        '--work-dir',
        tmp_path,
        '--seeds',
        0,
        '--cfg-options',
        *classifier_options[2:],
    )
    assert not code
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
            results.add(
                Run(f'cifar10/{method}', 'c.py', seed, '.'), {'accuracy/top1': value}
            )


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
    arguments = ['--csv', tmp_path / 's.csv', '--parts', 'cifar10', '--report', page]
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
    page.write_text('No marks.')
    assert 'must have one pair of lines' in call(*arguments)[0]
    assert page.read_text() == 'No marks.'


def test_the_page_is_that_of_the_table():
    """docs/study.md holds what docs/study.csv gives, whatever that is."""
    text = (ROOT / 'docs' / 'study.md').read_text()
    results = Results(str(ROOT / 'docs' / 'study.csv'))
    for name in study.PARTS:
        assert study.make_table(name, study.outcomes(name, results)) in text


def test_data_must_be_named(call):
    code, said = call('--parts', 'bccd')
    assert code == 2 and 'say where its data is: --bccd FOLDER' in said
