"""What is installed: built, put beside the toolboxes, used in an empty folder."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path
from shutil import copytree, ignore_patterns

import cv2
import numpy as np
import pytest
from modelindex.load_model_index import load as load_model_index

from tests.compiled import can_be_compiled
from tests.helpers import ROOT

pytestmark = pytest.mark.slow

NAME = 'resnet20_1xb64-loma-if-fo_digits'
DETECTOR = 'faster_rcnn/faster-rcnn_r18_fpn_loma-rhombus-scratch-4e_digits.py'
# One short epoch.
SHORT = (
    'train_cfg.max_epochs=1',
    'train_cfg.val_interval=1',
    'train_dataloader.dataset.indices=8',
    'train_dataloader.batch_size=4',
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'val_dataloader.num_workers=0',
    'val_dataloader.persistent_workers=False',
    'test_dataloader.num_workers=0',
    'test_dataloader.persistent_workers=False',
)


def build(kind, source, out):
    """Let setuptools build as pip does; the path of what it built."""
    code = (
        'import sys; from setuptools import build_meta; '
        f'print(build_meta.build_{kind}(sys.argv[1]))'
    )
    done = subprocess.run(
        [sys.executable, '-c', code, str(out)],
        cwd=source,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return out / done.stdout.splitlines()[-1]


def names_in(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith('/')}


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """A copy of the clone, in which builds leave what they leave."""
    folder = tmp_path_factory.mktemp('source') / 'clone'
    ignored = ('.*', 'build', 'data', 'work_dirs', '*.so', '*.egg-info', '__pycache__')
    copytree(ROOT, folder, ignore=ignore_patterns(*ignored))
    return folder


@pytest.fixture(scope='module')
def wheel(source):
    return build('wheel', source, source.parent)


@pytest.fixture(scope='module')
def sdist(source):
    return build('sdist', source, source.parent)


@pytest.fixture(scope='module')
def site(wheel, tmp_path_factory):
    """A folder that holds the installed wheel."""
    folder = tmp_path_factory.mktemp('site')
    command = 'pip --disable-pip-version-check install --quiet --no-deps --target'
    subprocess.run(
        [sys.executable, '-m', *command.split(), str(folder), str(wheel)], check=True
    )
    return folder


@pytest.fixture(scope='module')
def digits(site, tmp_path_factory):
    """A folder with the data of the demos in small, where nothing else is."""
    folder = tmp_path_factory.mktemp('empty')
    commands(
        *(site, folder),
        ('make-digits', 'folder', 'data/digits'),
        ('make-digits', 'voc', 'data/digits-voc', '--train', 8, '--test', 2),
    )
    return folder


def python(site, cwd, *words, code=0):
    """Run Python as if the wheel were in its site-packages."""
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env={**os.environ, 'PYTHONPATH': str(site), 'COLUMNS': '300'},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def commands(site, cwd, *commands):
    """The same for several commands, which share the time of the imports."""
    code = (
        'import json, sys; from loma_mm.__main__ import main\n'
        'for words in json.loads(sys.argv[1]):\n'
        '    assert main(words) == 0, words\n'
        "    print('\\f', flush=True)"
    )
    typed = json.dumps([[*map(str, words)] for words in commands])
    return python(site, cwd, '-c', code, typed).split('\f')[:-1]


def files_of(folder):
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob('*')
        if path.is_file() and '__pycache__' not in path.parts
    }


def test_wheel_has_configs_and_tools_where_the_ecosystem_looks(wheel):
    names = names_in(wheel)
    assert {name.split('/')[0] for name in names if '.dist-info' not in name} == {
        'loma_mm'
    }
    shipped = {name.removeprefix('loma_mm/.mim/') for name in names if '/.mim/' in name}
    assert files_of('configs') < shipped
    assert {'tools/train.py', 'tools/test.py', 'tools/dist_train.sh'} < shipped
    assert 'tools/make_env.py' not in shipped
    assert 'loma_mm/py.typed' in names
    suffix = sysconfig.get_config_var('EXT_SUFFIX')
    # Without a C compiler a wheel has no compiled loops, and works.
    assert any(name.endswith(suffix) for name in names) or not can_be_compiled


def test_metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith('.dist-info/METADATA')]
        meta = message_from_string(archive.read(name).decode())
        licenses = [n for n in archive.namelist() if n.endswith('LICENSE')]
    assert meta['Author'] == 'loma_mm contributors'
    assert meta.get_all('Project-URL') is None and meta['Home-page'] is None
    assert meta['Requires-Python'] == '>=3.10'
    assert licenses


def test_source_package_builds_the_same_wheel(wheel, sdist, tmp_path):
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path)
    (folder,) = tmp_path.iterdir()
    again = build('wheel', folder, tmp_path)
    assert names_in(again) == names_in(wheel)


def test_editable_install_has_them_too(source, tmp_path):
    setuptools = pytest.importorskip('setuptools', minversion='64')
    assert setuptools
    build('editable', source, tmp_path)
    for name in ('configs', 'tools', 'model-index.yml'):
        assert (source / 'loma_mm/.mim' / name).samefile(source / name)


def test_model_index_names_every_config_that_is_there(site):
    mim = site / 'loma_mm' / '.mim'
    index = load_model_index(str(mim / 'model-index.yml'))
    index.build_models_with_collections()
    configs = {model.config for model in index.models}
    assert configs == {
        path.relative_to(mim).as_posix()
        for path in (mim / 'configs').glob('[!_]*/*.py')
    }


def test_finds_configs(site, tmp_path):
    found, paths = commands(
        *(site, tmp_path),
        ('configs', 'voc07', 'rhombus'),
        ('configs', 'voc07', '--path'),
    )
    line = next(
        line
        for line in found.splitlines()
        if line.startswith('faster-rcnn_r50_fpn_loma-rhombus-1x_voc07 ')
    )
    assert '73.2' in line
    assert paths.split()
    assert all(Path(path).is_relative_to(site) for path in paths.split())


def test_trains_and_tests_a_config_by_its_name(site, digits):
    options = ('--cfg-options', *SHORT, 'val_dataloader.dataset.indices=8')
    said = python(site, digits, '-m', 'loma_mm', 'train', NAME, *options)
    assert 'accuracy/top1' in said
    checkpoint = digits / 'work_dirs' / NAME / 'epoch_1.pth'
    said = python(site, digits, '-m', 'loma_mm', 'test', NAME, checkpoint, *options)
    assert 'accuracy/top1' in said


def test_browses_a_config_that_inherits_ours(site, digits):
    (digits / 'mine.py').write_text(f"_base_ = 'loma_mm::{DETECTOR}'\n")
    python(site, digits, '-m', 'loma_mm', 'browse', 'mine.py', '--out', 'samples.png')
    assert (digits / 'samples.png').read_bytes().startswith(b'\x89PNG')


def test_mmdetection_trains_a_config_that_inherits_ours(site, digits):
    """Under its own tool, by the form that needs no help from ours."""
    import mmdet

    train = Path(mmdet.__file__).parent / '.mim' / 'tools' / 'train.py'
    mine = digits / 'mine.py'
    mine.write_text(
        f"_base_ = __import__('loma_mm').config_path({DETECTOR!r})\n"
        # mmcv's operators, where it has none compiled
        "custom_imports = dict(imports=['loma_mm', 'loma_mm.mmcv_ops'])\n"
    )
    said = python(site, digits, train, mine, '--cfg-options', *SHORT)
    assert 'pascal_voc/mAP' in said
    # MMEngine does not know us; the day it does, the README can say so.
    mine.write_text(f"_base_ = 'loma_mm::{DETECTOR}'\n")
    said = python(site, digits, train, mine, code=1)
    assert 'mmengine does not support to load loma_mm config' in said


def test_experiments_find_the_paper_in_the_package(site, tmp_path):
    # As many images as the study takes of each class.
    jpeg = cv2.imencode('.jpg', np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    for split, count in (('train', 500), ('test', 1)):
        for label in range(10):
            folder = tmp_path / 'photographs' / split / str(label)
            folder.mkdir(parents=True)
            for i in range(count):
                (folder / f'{i:03d}.jpg').write_bytes(jpeg)
    swept, studied, _ = commands(
        *(site, tmp_path),
        ('sweep', 'resnet20_1xb128-loma-rhombus_cifar10', '--commands', 'torchrun'),
        ('study', '--cifar10', 'photographs', '--commands', 'python'),
        ('tables', '.', '--out', 'tables.md'),
    )
    assert swept.count('-m loma_mm train') > 9
    assert '-m loma_mm train' in studied
    assert '80.6' in (tmp_path / 'tables.md').read_text(encoding='utf-8')
