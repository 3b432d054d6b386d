"""Samples of detectors, with and without masks, and of classifiers."""

from xml.etree import ElementTree

import mmcv
import mmengine
import numpy as np
import pytest
from matplotlib import pyplot
from mmengine.registry import VISUALIZERS, init_default_scope
from mmengine.visualization import Visualizer
from mmengine.visualization.utils import img_from_canvas

from loma_mm import LocalMagnification
from loma_mm.commands import browse as browse_dataset
from loma_mm.commands.browse import ComparedLabels, set_labels
from loma_mm.running import load_config
from loma_mm.visualization import BeforeAfter
from tests.helpers import CLASSIFIER, ROOT, run_command

FASTER_RCNN = ROOT / 'configs' / 'faster_rcnn'
DEMO = FASTER_RCNN / 'faster-rcnn_r18_fpn_loma-rhombus-scratch-4e_digits.py'
MASKS = ROOT / 'tests' / 'data' / 'instance_masks.py'


@pytest.fixture(scope='module')
def voc(digits, tmp_path_factory):
    """The digits as a VOCdevkit of two years, all of them dogs."""
    root = tmp_path_factory.mktemp('VOCdevkit')
    names = (digits / 'ImageSets/Main/train.txt').read_text().split()
    for year, part in (('VOC2007', names[:2]), ('VOC2012', names[2:5])):
        (root / year / 'Annotations').mkdir(parents=True)
        (root / year / 'JPEGImages').symlink_to(digits / 'JPEGImages')
        (root / year / 'ImageSets/Main').mkdir(parents=True)
        (root / year / 'ImageSets/Main/trainval.txt').write_text('\n'.join(part))
        for name in part:
            tree = ElementTree.parse(digits / f'Annotations/{name}.xml')
            for node in tree.iterfind('object/name'):
                node.text = 'dog'
            tree.write(root / year / f'Annotations/{name}.xml')
    return root


@pytest.fixture(scope='module')
def discs(tmp_path_factory):
    """A dataset in COCO layout: a large grey disc, with its polygon."""
    root = tmp_path_factory.mktemp('coco')
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    polygon = np.stack([80 + 50 * np.cos(angles), 60 + 40 * np.sin(angles)], 1)
    images, annotations = [], []
    for i in range(1, 4):
        img = np.full((120, 160, 3), 90, np.uint8)
        mmcv.imwrite(img, str(root / 'train2017' / f'{i}.png'))
        images.append(dict(id=i, file_name=f'{i}.png', height=120, width=160))
        annotations.append(
            dict(
                id=i,
                image_id=i,
                category_id=2,
                iscrowd=0,
                area=6200,
                bbox=[30, 20, 100, 80],
                segmentation=[polygon.round(1).flatten().tolist()],
            )
        )
    (root / 'annotations').mkdir()
    mmengine.dump(
        dict(
            images=images,
            annotations=annotations,
            categories=[dict(id=1, name='zero'), dict(id=2, name='disc')],
        ),
        root / 'annotations' / 'instances_train2017.json',
    )
    return root


@pytest.fixture
def browse(call):
    def draw(*arguments):
        called = call('browse', *arguments)
        assert called.code == 0, called.said

    return draw


def test_one_picture(digits, tmp_path):
    done = run_command(
        'browse',
        DEMO,
        '--out',
        tmp_path / 'a.png',
        '--number',
        3,
        '--columns',
        2,
        '--cfg-options',
        f'data_root={digits}/',
    )
    assert 'a.png: 3 samples' in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ['a.png']
    img = mmcv.imread(tmp_path / 'a.png')
    # Two samples a row, each before and after; the last place stays white.
    height, width = img.shape[:2]
    assert (height, width) == (2 * 460, 4 * 408)
    assert (img[height // 2 :, width // 2 :] == 255).all()
    for row in range(2):
        for column in range(4 - 2 * row):
            top, left = row * 460 + 60, column * 408 + 8
            assert img[top : top + 380, left : left + 380].std() > 10


def test_one_picture_a_sample(digits, tmp_path, monkeypatch, browse):
    arguments = (
        '--number',
        2,
        '--cfg-options',
        f'data_root={digits}/',
        'train_dataloader.dataset.pipeline.3.prob=1',
    )
    browse(DEMO, '--out-dir', tmp_path / 'a', *arguments)
    browse(DEMO, '--out-dir', tmp_path / 'b', '--seed', 0, *arguments)
    first, second = sorted((tmp_path / 'a').iterdir())
    assert first.name != second.name and len(first.stem) == 6
    assert (tmp_path / 'b' / first.name).read_bytes() == first.read_bytes()
    img = mmcv.imread(first)
    before, after = img[70:850, 10:800], img[70:850, 818:1608]
    assert before.std() > 10 and after.std() > 10
    # LOMA is in the second alone.
    assert np.abs(before.astype(int) - after).mean() > 2


def test_compared_labels_come_from_the_same_draws(digits):
    cfg = load_config(str(DEMO), dict(data_root=f'{digits}/'))
    init_default_scope('mmdet')
    assert set_labels(cfg.train_dataloader.dataset, 'keep') == 1
    cfg.train_dataloader.dataset.pipeline[3].prob = 1.0
    compared = ComparedLabels(cfg)
    np.random.seed(0)
    moved = 0
    for index in range(8):
        _, keep, warp = compared[index].values()
        assert (keep.image == warp.image).all()
        before, after = (
            getattr(one.data_sample.gt_instances.bboxes, 'tensor', None)
            for one in (keep, warp)
        )
        moved += before.shape != after.shape or not before.equal(after)
    assert moved >= 3


def test_labels_are_compared_where_the_type_is_a_class():
    """As a config of Python's own style has it."""
    node = [dict(type='RandomApply', transforms=[dict(type=LocalMagnification)])]
    assert set_labels(node, 'warp') == 1
    assert node[0]['transforms'] == [dict(type=LocalMagnification, labels='warp')]
    assert set_labels([dict(type='BatchLocalMagnification')], 'warp') == 0


def test_compared_labels_are_three_pictures(digits, tmp_path, browse):
    browse(
        *(DEMO, '--compare-labels', '--out', tmp_path / 'a.png', '--number', 1),
        *('--columns', 1, '--cfg-options', f'data_root={digits}/'),
    )
    assert mmcv.imread(tmp_path / 'a.png').shape[:2] == (460, 3 * 408)


def test_wrapped_datasets(voc, tmp_path, monkeypatch, browse):
    browse(
        FASTER_RCNN / 'faster-rcnn_r50_fpn_1x_voc0712.py',
        '--out-dir',
        tmp_path,
        '--number',
        6,
        '--cfg-options',
        f'data_root={voc}/',
        'train_dataloader.dataset.times=1',
        *(
            f'train_dataloader.dataset.dataset.datasets.{i}.filter_cfg=None'
            for i in range(2)
        ),
    )
    # The two and three images of the two years.
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f'{i:06}.png' for i in range(5)
    ]


def test_masks_are_drawn_where_the_object_is(discs):
    cfg = load_config(str(MASKS), dict(data_root=f'{discs}/'))
    init_default_scope('mmdet')
    visualizer = VISUALIZERS.build(dict(cfg.visualizer, vis_backends=None))
    samples = BeforeAfter(cfg)
    visualizer.dataset_meta = samples.metainfo
    before, after = samples[1]
    assert before.image.shape == (120, 160, 3)
    assert after.image.shape == (800, 1067, 3)
    for sample in (before, after):
        img = browse_dataset.annotate(visualizer, sample, 400)
        assert img.shape == (300, 400, 3)
        y, x = np.mgrid[:300, :400]
        distance = np.hypot((x - 200) / 125, (y - 150) / 100)
        # Off the box, its label and the border of the mask.
        inside = (distance < 0.9) & (y > 80)
        painted = (abs(img.astype(int) - 90) > 8).any(-1)
        assert painted[inside].mean() > 0.95
        assert not painted[:, :70].any() and not painted[:40].any()
        # The sample itself is left alone.
        assert sample.data_sample.gt_instances.masks.height == (sample.image.shape[0])


def test_masks_have_the_same_colour_before_and_after(
    discs, tmp_path, monkeypatch, browse
):
    browse(
        MASKS,
        '--out',
        tmp_path / 'a.png',
        '--number',
        1,
        '--columns',
        1,
        '--cfg-options',
        f'data_root={discs}/',
    )
    img = mmcv.imread(tmp_path / 'a.png').astype(int)
    middle = img.shape[0] // 2 + 20
    before, after = img[middle, 204], img[middle, 204 + 408]
    assert abs(before - after).max() <= 2 and abs(before - 90).max() > 8


def test_classifier(classifier_options, tmp_path, monkeypatch, browse):
    browse(
        CLASSIFIER,
        '--out',
        tmp_path / 'a.png',
        '--number',
        2,
        '--columns',
        1,
        *classifier_options,
    )
    img = mmcv.imread(tmp_path / 'a.png')
    assert img.shape == (2 * 460, 2 * 408, 3)
    # A label stands in the corner of each image.
    for top in (60, 520):
        for left in (10, 418):
            assert img[top : top + 20, left : left + 150].std() > 20


def test_window(digits, monkeypatch, capsys, browse, call):
    """Where there is none, and to a backend that draws without one."""
    pyplot.switch_backend('agg')
    monkeypatch.delenv('MPLBACKEND', raising=False)
    arguments = (
        DEMO,
        '--show',
        '--show-interval',
        0.01,
        '--number',
        2,
        '--cfg-options',
        f'data_root={digits}/',
    )
    called = call('browse', *arguments)
    assert called.code == 1 and '--show finds no display' in called.err
    shown = []
    show = Visualizer.show

    def spy(self, drawn_img, **kwargs):
        show(self, drawn_img, **kwargs)
        canvas = self.manager.canvas
        shown.append((drawn_img, img_from_canvas(canvas)))

    monkeypatch.setattr(Visualizer, 'show', spy)
    monkeypatch.setenv('MPLBACKEND', 'agg')
    browse(*arguments)
    assert len(shown) == 2
    for drawn, window in shown:
        assert drawn.shape == (860, 1616, 3)
        assert window.std() > 10
    assert (shown[0][0] != shown[1][0]).any()


@pytest.mark.parametrize(
    'arguments, said',
    [
        ((DEMO,), '--out, --out-dir or --show'),
        ((DEMO, '--out', 'a.png', '--number', 0), 'must be a whole number from 1 on'),
        ((DEMO, '--out', 'a'), 'must end with one of .eps, '),
        (('none.py', '--show'), 'There is no config file none.py'),
    ],
)
def test_mistakes_are_one_sentence(call, arguments, said):
    called = call('browse', *arguments)
    assert called.code in (1, 2) and said in called.err
