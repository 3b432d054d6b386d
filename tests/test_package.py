"""What a wheel and a source package hold, built as pip builds them."""

import subprocess
import sys
import tarfile
import zipfile

import pytest

from tests.compiled import needs_compiled
from tests.helpers import ROOT

CSRC = ROOT / 'loma_mm' / 'functional' / 'csrc'


@pytest.fixture(scope='module')
def packages(tmp_path_factory):
    """Built from the tracked files: a tree that was built before hides faults."""
    tree, out = tmp_path_factory.mktemp('tree'), tmp_path_factory.mktemp('out')
    listed = subprocess.run(
        ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    if listed.returncode:
        pytest.skip('not a git clone')
    for name in filter(None, listed.stdout.decode().split('\0')):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes((ROOT / name).read_bytes())

    def run(*command, cwd):
        done = subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout

    run('setup.py', '-q', 'sdist', '--dist-dir', out, cwd=tree)
    (sdist,) = out.glob('*.tar.gz')
    # The wheel is built from the source package, with nothing else at hand.
    run(
        *('-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation', '--no-index'),
        *('--wheel-dir', out, sdist),
        cwd=out,
    )
    (wheel,) = out.glob('*.whl')
    with tarfile.open(sdist) as tar:
        held = {name.partition('/')[2] for name in tar.getnames()}
    return held, set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.slow
def test_the_source_package_holds_every_source(packages):
    sources = {f'loma_mm/functional/csrc/{path.name}' for path in CSRC.iterdir()}
    assert len(sources) >= 4 and sources <= packages[0]


@needs_compiled
@pytest.mark.slow
def test_the_wheel_is_compiled_and_holds_the_package_alone(packages):
    wheel = packages[1]
    assert any(
        name.startswith('loma_mm/functional/_compiled.')
        and name.endswith(('.so', '.pyd'))
        for name in wheel
    )
    top = {name.partition('/')[0] for name in wheel}
    assert {name for name in top if not name.endswith('.dist-info')} == {'loma_mm'}
