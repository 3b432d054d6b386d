"""Figure 7 of the paper, as a user makes it."""

import csv
import json
import statistics

import mmcv
import pytest
import torch

from loma_mm.commands import occlusion as tool
from loma_mm.evaluation import OCCLUSIONS
from loma_mm.experiments import Key, Results
from loma_mm.running import load_config
from tests.helpers import CLASSIFIER, ROOT
from tests.nearest_mean import nearest_mean

DETECTOR = ROOT / 'configs' / 'faster_rcnn' / 'faster-rcnn_r50_fpn_1x_voc07.py'


def rows(path):
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


@pytest.fixture
def occlusion(call, classifier_options, tmp_path):
    """The command in this process, with --out in ``tmp_path``."""

    def run(*arguments):
        called = call(
            'occlusion', '--out', tmp_path / 'a.png', *arguments, *classifier_options
        )
        assert called.code == 0, called.said
        return rows(tmp_path / 'a.csv')

    return run


def split(row):
    """Kind and size of the occlusion of a row."""
    kind, size = row['metric'].split('/')[0].split('_')
    return kind, int(size)


def test_the_unoccluded_accuracy_is_that_of_the_test_tool(
    classifier, classifier_options, call, tmp_path
):
    """And the test tool takes the loop."""
    checkpoint = tmp_path / 'good.pth'
    data_root = classifier_options[1].split('=', 1)[1]
    nearest_mean(
        load_config(str(CLASSIFIER), dict(data_root=data_root)),
        classifier / 'epoch_1.pth',
        checkpoint,
    )
    call(
        'occlusion',
        '--out',
        tmp_path / 'a.png',
        *('--model', 'LOMA', CLASSIFIER, checkpoint, '--sizes', 0, 8),
        *classifier_options,
    )
    found = {split(row): float(row['value']) for row in rows(tmp_path / 'a.csv')}
    assert list(found) == [
        ('center', 0),
        ('center', 8),
        ('boundary', 0),
        ('boundary', 8),
    ]
    assert mmcv.imread(tmp_path / 'a.png').std() > 10

    def run_test_tool(name, *options):
        # Folders of their own: two tests of one second share a name.
        command = ['test', CLASSIFIER, checkpoint, '--work-dir', tmp_path / name]
        assert call(*command, *classifier_options, *options).code == 0
        (written,) = (tmp_path / name).glob('*/*.json')
        return json.loads(written.read_text())

    plain = run_test_tool('plain')['accuracy/top1']
    assert found['center', 0] == pytest.approx(plain, rel=1e-5) and plain > 25
    loop = run_test_tool(
        'loop',
        'test_cfg.sizes=[0,8]',
        'test_cfg.type=loma_mm.evaluation.OcclusionTestLoop',
    )
    for (kind, size), value in found.items():
        assert value == pytest.approx(loop[f'{kind}_{size}/accuracy/top1'], rel=1e-5)


def test_a_label_has_many_checkpoints_and_what_is_known_stays(
    classifier, occlusion, tmp_path
):
    first, second = classifier / 'epoch_1.pth', tmp_path / 'other.pth'
    state = torch.load(first, map_location='cpu', weights_only=False)
    state['state_dict']['head.fc.bias'] += torch.linspace(-3, 3, 10)
    torch.save(state, second)
    known = occlusion('--model', 'LOMA', CLASSIFIER, first, '--sizes', 8)
    # Nobody measured this: it must come through all that follows.
    known[0]['value'] = '12.3456'
    Results(str(tmp_path / 'a.csv')).add(
        Key('LOMA', None, str(first)), CLASSIFIER.stem, {known[0]['metric']: 12.3456}
    )
    found = occlusion(
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
    assert [row for row in found if row in known] == known
    assert {row['config'] for row in found} == {CLASSIFIER.stem}
    values = [float(row['value']) for row in found if split(row) == ('center', 8)]
    assert values[0] == 12.3456 and values[1] != values[0]

    figure = tool.draw(tool.read_accuracies(Results(str(tmp_path / 'a.csv'))))
    center, boundary = figure.axes
    assert center.get_title() == 'Center occlusion'
    line, _, (bars,) = center.containers[0]
    assert line.get_xdata().tolist() == [8, 16]
    assert line.get_ydata()[0] == pytest.approx(statistics.mean(values))
    (_, low), (_, high) = bars.get_segments()[0]
    assert high - low == pytest.approx(2 * statistics.stdev(values))
    assert center.get_legend().get_texts()[0].get_text() == 'LOMA (2 runs)'
    assert len(boundary.containers) == 1


def test_the_plot_alone(occlusion, tmp_path):
    for label in ('baseline', 'LOMA'):
        Results(str(tmp_path / 'a.csv')).add(
            Key(label, None, 'a.pth'),
            'c',
            {
                f'{kind}_{size}/accuracy/top1': 50.0 + size
                for kind in OCCLUSIONS
                for size in (0, 4)
            },
        )
    before = (tmp_path / 'a.csv').read_bytes()
    assert len(occlusion()) == 8
    assert mmcv.imread(tmp_path / 'a.png').std() > 10
    assert (tmp_path / 'a.csv').read_bytes() == before
    assert not list(tmp_path.glob('*.part*'))
    figure = tool.draw(tool.read_accuracies(Results(str(tmp_path / 'a.csv'))))
    for panel in figure.axes:
        # One run has no deviation to show.
        assert [len(one[2]) for one in panel.containers] == [0, 0]
        assert panel.containers[1][0].get_ydata().tolist() == [50, 54]


def test_processes_lose_no_accuracies_of_each_other(tmp_path):
    """Two calls that end at the same moment."""
    path = str(tmp_path / 'a.csv')
    for label, size in (('a', 8), ('b', 8), ('a', 16)):
        # What each read before the other wrote does not matter.
        Results(path).add(Key(label, None, 'x.pth'), 'c', {f'center_{size}/m': size})
    assert [(key.name, metric) for key, metric in Results(path).read()] == [
        ('a', 'center_8/m'),
        ('b', 'center_8/m'),
        ('a', 'center_16/m'),
    ]


def test_mistakes_are_one_sentence(call, classifier, classifier_options, tmp_path):
    checkpoint = classifier / 'epoch_1.pth'
    start = ('occlusion', '--out', tmp_path / 'a.png')
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
        called = call(*start, *arguments, *classifier_options)
        assert called.code in (1, 2) and said in called.err
    (tmp_path / 'a.csv').write_text('epoch,loss\n1,2\n')
    called = call(*start)
    assert called.code == 1 and 'is not a table of results' in called.err
