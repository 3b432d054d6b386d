import importlib
import json
import re
from typing import NamedTuple

import hypothesis
import pytest

from tests.alone import alone
from tests.helpers import CLASSIFIER, ROOT, run_command
from tests.quick import keep_files_in_memory, quicken

# mmcv's operators, where it has none compiled.
importlib.import_module('loma_mm.mmcv_ops')

keep_files_in_memory()

# The first example of a run pays for imports; timings are not tested. To explain
# a failure takes longer than to find it.
QUICK = dict(
    deadline=None,
    phases=[phase for phase in hypothesis.Phase if phase != hypothesis.Phase.explain],
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile('suite', **QUICK)
# For make fuzz: every search has this many cases, but those that cost much.
hypothesis.settings.register_profile('fuzz', **QUICK, max_examples=3000)
# For make mutation, to which one failing case is as good as the simplest.
FINDING = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
hypothesis.settings.register_profile('mutation', **{**QUICK, 'phases': FINDING})
hypothesis.settings.load_profile('suite')


# Files whose tests mostly start processes, train or build packages.
SLOW = (
    'test_commands/',
    'test_configs/test_mask_rcnn',
    'test_configs/test_voc',
    'test_evaluation/test_occlusion',
    'test_experiments/',
    'test_installed',
    'test_make_env',
    'test_mmcv_ops',
    'test_package',
    'test_user_path/',
)


def pytest_collection_modifyitems(items):
    """Mark them, for ``make test-fast``."""
    for item in items:
        place = item.path.relative_to(ROOT).as_posix().removeprefix('tests/')
        if place.startswith(SLOW):
            item.add_marker(pytest.mark.slow)


def pytest_runtest_makereport(item, call):
    """Note how many cases a search has tried, for the count of make fuzz."""
    if call.when == 'teardown':
        found = getattr(item, 'hypothesis_statistics', '')
        numbers = re.findall(r'(\d+) passing(?: examples)?, (\d+) failing', found)
        cases = sum(int(number) for pair in numbers for number in pair)
        item.user_properties.append(('cases', cases))


def pytest_terminal_summary(terminalreporter, config):
    """Say how many cases the searches have tried."""
    if config.getoption('--hypothesis-profile') != 'fuzz':
        return
    cases = sum(
        value
        for report in terminalreporter.getreports('')
        if report.when == 'teardown'
        for name, value in report.user_properties
        if name == 'cases'
    )
    terminalreporter.write_line(f'{cases:,} cases')


class Called(NamedTuple):
    """What a command gave: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def said(self):
        return self.out + self.err


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Leave out most of the time of a small run, and nothing of what it does.

    What it leaves in the process is gone with its files.
    """
    quicken(monkeypatch.setattr)
    with alone():
        yield


@pytest.fixture
def call(monkeypatch, capsys):
    """Type a command in this process."""
    monkeypatch.chdir(ROOT)

    def call_command(*words):
        from loma_mm.__main__ import main

        capsys.readouterr()
        with alone():
            code = main([*map(str, words)])
        return Called(code, *capsys.readouterr())

    return call_command


@pytest.fixture(scope='session')
def digits(tmp_path_factory):
    """The demo's dataset in small: 16 train and 4 test scenes."""
    folder = tmp_path_factory.mktemp('data') / 'digits'
    run_command('make-digits', 'voc', folder, '--train', 16, '--test', 4)
    return folder


@pytest.fixture(scope='session')
def classifier_options(tmp_path_factory):
    """Arguments that give CLASSIFIER its data and one epoch of training."""
    folder = tmp_path_factory.mktemp('data') / 'digits'
    run_command('make-digits', 'folder', folder)
    return (
        '--cfg-options',
        f'data_root={folder}',
        'train_cfg.max_epochs=1',
        'train_cfg.val_interval=1',
        'train_dataloader.num_workers=0',
        'val_dataloader.num_workers=0',
        'test_dataloader.num_workers=0',
    )


@pytest.fixture(scope='session')
def classifier(classifier_options, tmp_path_factory):
    """The work dir of CLASSIFIER, trained: it holds epoch_1.pth."""
    folder = tmp_path_factory.mktemp('work')
    done = run_command(
        'train',
        CLASSIFIER,
        '--work-dir',
        folder,
        *classifier_options,
        'train_dataloader.dataset.indices=200',
    )
    assert 'accuracy/top1' in done.stdout
    return folder


@pytest.fixture(scope='session')
def tiny_options(classifier_options, tmp_path_factory):
    """Settings with which CLASSIFIER sees two images of each class."""
    _, root, *others = classifier_options
    folder = tmp_path_factory.mktemp('lists')
    lists = []
    for split, loader in (('train', 'train'), ('test', 'val')):
        run_command(
            'list-images',
            f'{root[len("data_root=") :]}/{split}',
            folder / f'{split}.txt',
            '--per-class',
            2,
        )
        lists.append(f'{loader}_dataloader.dataset.ann_file={folder}/{split}.txt')
    return (root, *others, *lists)


@pytest.fixture(scope='session')
def coco(tmp_path_factory):
    """Four images of discs, with polygons, in COCO's format."""
    import cv2
    import numpy as np

    folder = tmp_path_factory.mktemp('coco')
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for n in range(4):
        img = np.full((96, 128, 3), 40, np.uint8)
        for _ in range(3):
            x, y = (int(v) for v in rng.integers(20, [108, 76]))
            r = int(rng.integers(6, 16))
            cv2.circle(img, (x, y), r, rng.integers(90, 255, 3).tolist(), -1)
            angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            outline = np.stack([x + r * np.cos(angle), y + r * np.sin(angle)], 1)
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=n,
                    category_id=1,
                    bbox=[x - r, y - r, 2 * r, 2 * r],
                    area=3.1 * r * r,
                    iscrowd=0,
                    segmentation=[outline.flatten().tolist()],
                )
            )
        cv2.imwrite(str(folder / f'{n}.png'), img)
        images.append(dict(id=n, file_name=f'{n}.png', height=96, width=128))
    (folder / 'instances.json').write_text(
        json.dumps(
            dict(
                images=images,
                annotations=annotations,
                categories=[dict(id=1, name='disc')],
            )
        )
    )
    return folder
