"""Figure 7 of the paper, as a user makes it."""

import csv
import json
import statistics

import mmcv
import pytest
import torch

from loma_mm.engine import load_config
from tests.conftest import CLASSIFIER, ROOT
from tests.nearest_mean import nearest_mean
from tools import occlusion as tool
from tools import test as test_tool

DETECTOR = ROOT / 'configs' / 'faster_rcnn' / 'faster-rcnn_r50_fpn_1x_voc07.py'


def rows(path):
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


@pytest.fixture
def call(monkeypatch, classifier_options, tmp_path):
    """The tool in this process, with --out in ``tmp_path``."""

    def run(*arguments):
        command = ['occlusion.py', '--out', tmp_path / 'a.png', *arguments]
        monkeypatch.setattr('sys.argv', [*map(str, command), *classifier_options])
        tool.main()
        return rows(tmp_path / 'a.csv')

    return run


def test_the_unoccluded_accuracy_is_that_of_the_test_tool(
    classifier, classifier_options, call, monkeypatch, tmp_path, capsys
):
    """And the test tool takes the loop."""
    checkpoint = tmp_path / 'good.pth'
    data_root = classifier_options[1].split('=', 1)[1]
    nearest_mean(
        load_config(str(CLASSIFIER), dict(data_root=data_root)),
        classifier / 'epoch_1.pth',
        checkpoint,
    )
    entries = call('--model', 'LOMA', CLASSIFIER, checkpoint, '--sizes', 0, 8)
    assert '] 4/4, ' in capsys.readouterr().out  # batches of 128
    found = {(entry['kind'], int(entry['size'])): entry['value'] for entry in entries}
    assert list(found) == [
        ('center', 0),
        ('center', 8),
        ('boundary', 0),
        ('boundary', 8),
    ]
    assert mmcv.imread(tmp_path / 'a.png').std() > 10

    def run_test_tool(*options):
        command = ['test.py', CLASSIFIER, checkpoint, '--work-dir', tmp_path]
        monkeypatch.setattr(
            'sys.argv', [*map(str, command), *classifier_options, *options]
        )
        before = set(tmp_path.glob('*/*.json'))
        test_tool.main()
        (written,) = set(tmp_path.glob('*/*.json')) - before
        return json.loads(written.read_text())

    plain = run_test_tool()['accuracy/top1']
    assert found['center', 0] == f'{plain:.4f}' and plain > 25
    loop = run_test_tool(
        'experiment_name=loop',
        'test_cfg.sizes=[0,8]',
        'test_cfg.type=loma_mm.evaluation.OcclusionTestLoop',
    )
    for (kind, size), value in found.items():
        assert value == f'{loop[f"{kind}_{size}/accuracy/top1"]:.4f}'


def test_a_label_has_many_checkpoints_and_what_is_known_stays(
    classifier, call, tmp_path
):
    first, second = classifier / 'epoch_1.pth', tmp_path / 'other.pth'
    state = torch.load(first, map_location='cpu', weights_only=False)
    state['state_dict']['head.fc.bias'] += torch.linspace(-3, 3, 10)
    torch.save(state, second)
    known = call('--model', 'LOMA', CLASSIFIER, first, '--sizes', 8)
    # Nobody measured this: it must come through all that follows.
    known[0]['value'] = '12.3456'
    tool.write_results(
        {
            (row['label'], row['checkpoint'], row['kind'], int(row['size'])): float(
                row['value']
            )
            for row in known
        },
        str(tmp_path / 'a.csv'),
    )
    found = call(
        '--model',
        'LOMA',
        CLASSIFIER,
        first,
        '--model',
        'LOMA',
        CLASSIFIER,
        second,
        '--sizes',
        8,
        16,
    )
    assert len(found) == 8
    assert found[:2] == known
    assert {row['metric'] for row in found} == {'accuracy/top1'}
    values = [
        float(row['value'])
        for row in found
        if (row['kind'], row['size']) == ('center', '8')
    ]
    assert values[0] == 12.3456 and values[1] != values[0]

    figure = tool.draw(tool.read_results(str(tmp_path / 'a.csv')))
    center, boundary = figure.axes
    assert center.get_title() == 'Center occlusion'
    line, _, (bars,) = center.containers[0]
    assert line.get_xdata().tolist() == [8, 16]
    assert line.get_ydata()[0] == pytest.approx(statistics.mean(values))
    (_, low), (_, high) = bars.get_segments()[0]
    assert high - low == pytest.approx(2 * statistics.stdev(values))
    assert center.get_legend().get_texts()[0].get_text() == 'LOMA (2 runs)'
    assert len(boundary.containers) == 1


def test_the_plot_alone(call, tmp_path):
    tool.write_results(
        {
            (label, 'a.pth', kind, size): 50.0 + size
            for label in ('baseline', 'LOMA')
            for kind in tool.KINDS
            for size in (0, 4)
        },
        str(tmp_path / 'a.csv'),
    )
    before = (tmp_path / 'a.csv').read_bytes()
    assert len(call()) == 8
    assert mmcv.imread(tmp_path / 'a.png').std() > 10
    assert (tmp_path / 'a.csv').read_bytes() == before
    assert not list(tmp_path.glob('*.part*'))
    figure = tool.draw(tool.read_results(str(tmp_path / 'a.csv')))
    for panel in figure.axes:
        # One run has no deviation to show.
        assert [len(one[2]) for one in panel.containers] == [0, 0]
        assert panel.containers[1][0].get_ydata().tolist() == [50, 54]


def test_mistakes_are_one_sentence(call, classifier, tmp_path, capsys):
    checkpoint = classifier / 'epoch_1.pth'
    for arguments, said in [
        ((), 'without --model there must be results in'),
        (
            ('--model', 'a', CLASSIFIER, checkpoint, '--sizes', '-1'),
            '--sizes must not be negative',
        ),
        (('--model', 'a', CLASSIFIER, 'none.pth'), 'There is no checkpoint none.pth'),
        (('--model', 'a', DETECTOR, checkpoint), "is not a classifier's config"),
        (('--out', 'a.csv'), 'name of a picture must end with'),
    ]:
        with pytest.raises(SystemExit) as caught:
            call(*arguments)
        assert said in f'{caught.value} {capsys.readouterr().err}'
    (tmp_path / 'a.csv').write_text('epoch,loss\n1,2\n')
    with pytest.raises(SystemExit, match='is not a table of this tool'):
        call()
