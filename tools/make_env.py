"""Build the Python environment of one stack; called by ``make env``.

Needs nothing but CPython's standard library. Every step can be interrupted:
the next call finishes what is missing, and a call with nothing to do returns
at once.
"""

import argparse
import collections
import contextlib
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

ROOT = Path(__file__).resolve().parent.parent
# python: oldest and newest CPython for which its PyTorch has wheels; mmcv: the
# distribution; compiled: whether its operators are; disk: GB that the
# environment takes, together with pip's cache of what it downloads.
Stack = collections.namedtuple('Stack', 'python mmcv compiled disk')
STACKS = {
    'onedl': Stack(((3, 10), (3, 13)), 'onedl-mmcv', False, 9),
    'onedl-compiled': Stack(((3, 10), (3, 12)), 'onedl-mmcv', True, 12),
    'openmmlab': Stack(((3, 10), (3, 11)), 'mmcv', True, 12),
}
BUILD_TOOLS = ('setuptools', 'wheel', 'ninja', 'psutil', 'packaging')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('folder', type=Path)
    parser.add_argument('--stack', default='onedl')
    args = parser.parse_args()
    if args.stack not in STACKS:
        stop(
            f'There is no stack {args.stack!r}: choose make env, '
            'make env OPS=compiled or make env STACK=openmmlab.'
        )
    oldest, newest = STACKS[args.stack].python
    if not oldest <= sys.version_info[:2] <= newest:
        stop(
            f'The {args.stack} stack needs CPython {dotted(oldest)} to '
            f'{dotted(newest)}, this is {this_python()}: install one of those and '
            'name it, as in make env PYTHON=python3.11.'
        )
    folder = args.folder.resolve()
    done = folder / 'loma_mm_env_is_complete'
    recipe = stamp(args.stack)
    if done.is_file() and done.read_text() == recipe:
        return
    folder.mkdir(parents=True, exist_ok=True)
    # Two calls at once (make demo beside make test) wait for each other.
    with open(str(folder) + '.lock', 'w') as lock:
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not (done.is_file() and done.read_text() == recipe):
            build(folder, args.stack)
            partial = done.with_suffix('.part')
            partial.write_text(recipe)
            partial.replace(done)
            say(f'The environment is complete: {folder}')


def build(folder, stack):
    _, mmcv, compiled, disk = STACKS[stack]
    lock_file, cuda_file = lock_files(stack)
    pins = read_pins(lock_file)
    check_disk(folder, disk)
    make_venv(folder, pins['torch'])
    remove_half_installed(folder)
    python = interpreter(folder)
    pip = [str(python), '-m', 'pip', '--disable-pip-version-check']
    install = [*pip, 'install', '--no-input']
    mmcv_pin = f'{mmcv}=={pins[mmcv]}'
    if compiled:
        wheel_at_hand = is_installed(folder, mmcv) or find_wheel(pip, mmcv_pin)
        if not wheel_at_hand:
            check_compiler()

    def pinned(*names):
        return [f'{name}=={pins[name]}' for name in names]

    install_torch(folder, install, pinned('torch', 'torchvision'), lock_file, cuda_file)
    if compiled:
        run([*install, '--quiet', '--no-deps', *pinned(*BUILD_TOOLS)])
        compile_mmcv(install, mmcv_pin, wheel_at_hand)
    else:
        install_plain_mmcv(install, mmcv_pin)
    say('The other distributions: about a minute.')
    run([*install, '--quiet', '--no-deps', '--requirement', str(lock_file)])
    editable = ['--no-deps', '--no-build-isolation', '--editable', str(ROOT)]
    run([*install, '--quiet', *editable])
    say('Checking that it all imports.')
    ops = '' if compiled else 'loma_mm.mmcv_ops, '
    modules = f'cv2, {ops}mmcv.ops, mmdet, mmpretrain, sklearn, loma_mm'
    run([str(python), '-c', f'import {modules}'])
    report_extension()


def install_torch(folder, install, torch_pins, lock_file, cuda_file):
    """PyTorch, with as many of its CUDA libraries as this machine needs."""
    constraints = ['--constraint', str(lock_file)]
    if cuda_file.is_file():
        say('PyTorch, 0.5 GB to download: a minute or more, by your connection.')
        run([*install, '--quiet', '--no-deps', *torch_pins])
        if not asks_for_cuda(folder):
            return  # another index's PyTorch for the CPU, or another system
        if not has_gpu():
            say(
                "PyPI's PyTorch cannot be imported without CUDA libraries, GPU or "
                'not: 2 GB more to download, 3 GB on the disk. Those for a GPU alone '
                f'are left out; {interpreter(folder)} -m pip install {torch_pins[0]} '
                'adds them.'
            )
            wanted = ['--no-deps', '--requirement', str(cuda_file)]
            run([*install, '--quiet', *wanted])
            return
        constraints += ['--constraint', str(cuda_file)]
    say('PyTorch with its CUDA libraries: some 3 GB to download.')
    run([*install, *constraints, *torch_pins])


def install_plain_mmcv(install, mmcv_pin):
    """mmcv without its operators, which loma_mm.mmcv_ops supplies.

    Its source package leaves them out where its build sees no PyTorch, in pip's
    isolation. Neither a wheel, nor pip's cache, nor what is installed will do:
    they may hold operators for another PyTorch.
    """
    say('mmcv, without operators to compile: seconds.')
    name = mmcv_pin.split('==')[0]
    source = ['--no-deps', '--force-reinstall', '--no-cache-dir', '--no-binary', name]
    environment = dict(os.environ, MMCV_WITH_OPS='0')
    environment.pop('PIP_NO_BUILD_ISOLATION', None)
    run([*install, '--quiet', *source, mmcv_pin], env=environment)


def compile_mmcv(install, mmcv_pin, wheel_at_hand):
    if wheel_at_hand:
        say("mmcv's operators: a compiled wheel is at hand, seconds.")
    else:
        say(
            "Compiling mmcv's operators: some 17 minutes on 2 cores (seconds "
            'where pip has compiled them before). A wheel found through '
            'PIP_FIND_LINKS spares you this.'
        )
    run(
        [*install, '--no-deps', '--no-build-isolation', mmcv_pin],
        env=dict(os.environ, MMCV_WITH_OPS='1'),
    )


def check_disk(folder, needed):
    if is_installed(folder, 'torch'):
        return
    free = shutil.disk_usage(str(folder)).free / 1e9
    if free < needed:
        stop(
            f'{folder.parent} has {free:.1f} GB free and the environment needs '
            f'{needed} GB: free some space, or put the project on a larger disk.'
        )


def has_gpu():
    visible = os.environ.get('CUDA_VISIBLE_DEVICES', 'all')
    return bool(shutil.which('nvidia-smi')) and visible not in ('', '-1')


def check_compiler():
    """Stop unless mmcv's C++ operators can be compiled."""
    compiler = shlex.split(os.environ.get('CXX', 'c++'))[0]
    header = Path(sysconfig.get_paths()['include']) / 'Python.h'
    if not (shutil.which(compiler) or shutil.which('g++')):
        stop(
            f"mmcv's operators need a C++ compiler and there is no {compiler}: "
            'install one (Debian, Ubuntu: apt-get install g++), or give a '
            'folder with a compiled mmcv wheel as PIP_FIND_LINKS.'
        )
    if not header.is_file():
        stop(
            f"mmcv's operators need Python's C headers and {header} is missing: "
            'install them (Debian, Ubuntu: apt-get install '
            f'python{this_python()}-dev), or give a folder with a compiled mmcv '
            'wheel as PIP_FIND_LINKS.'
        )
    # With a GPU, mmcv compiles its CUDA operators too.
    if has_gpu() and not (shutil.which('nvcc') or 'CUDA_HOME' in os.environ):
        stop(
            'With a GPU mmcv compiles CUDA operators and there is no nvcc: '
            "install the CUDA toolkit of PyTorch's version, or give a folder "
            'with a compiled mmcv wheel as PIP_FIND_LINKS, or set '
            'CUDA_VISIBLE_DEVICES=-1 for CPU operators alone.'
        )


def make_venv(folder, torch):
    """Make the virtual environment, anew if it is another Python's or PyTorch's."""
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        stop(
            f'{sys.executable} has no ensurepip, which virtual environments need: '
            f'install it (Debian, Ubuntu: apt-get install python{this_python()}-venv).'
        )
    code = 'import pip, sys; print(*sys.version_info[:2], sep=".")'
    found = ''
    with contextlib.suppress(OSError):
        found = subprocess.run(
            [str(interpreter(folder)), '-c', code],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ).stdout.strip()
    other_torch = [
        info
        for info in site_packages(folder).glob('torch-*.dist-info')
        if info.name[6:-10].split('+')[0] != torch
    ]
    if found != this_python() or other_torch:
        say(f'Virtual environment {folder}: seconds.')
        run([sys.executable, '-m', 'venv', '--clear', str(folder)])


def interpreter(folder):
    return folder / ('Scripts/python.exe' if os.name == 'nt' else 'bin/python')


def site_packages(folder):
    scheme = 'nt' if os.name == 'nt' else 'posix_prefix'
    base = {'base': str(folder), 'platbase': str(folder)}
    return Path(sysconfig.get_path('purelib', scheme, base))


def remove_half_installed(folder):
    """Forget distributions whose installation was interrupted.

    pip writes RECORD last; without it the distribution is incomplete, yet
    pip would take it for installed.
    """
    for info in site_packages(folder).glob('*.dist-info'):
        if not (info / 'RECORD').is_file():
            shutil.rmtree(str(info))


def is_installed(folder, name):
    pattern = name.replace('-', '_') + '-*.dist-info'
    return any(
        (info / 'RECORD').is_file() for info in site_packages(folder).glob(pattern)
    )


def asks_for_cuda(folder):
    """Whether the PyTorch that is installed was built with CUDA."""
    (metadata,) = site_packages(folder).glob('torch-*.dist-info/METADATA')
    asks = 'Requires-Dist: nvidia-' in metadata.read_text(encoding='utf-8')
    return asks and sys.platform == 'linux'


def find_wheel(pip, requirement):
    """Whether PIP_FIND_LINKS or pip's configuration offer a wheel."""
    with tempfile.TemporaryDirectory() as scratch:
        where = ['--no-index', '--no-deps', '--only-binary', ':all:']
        return not subprocess.run(
            [*pip, 'download', *where, '--dest', scratch, requirement],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ).returncode


def report_extension():
    """Say whether our own C, which is optional, was compiled."""
    suffix = sysconfig.get_config_var('EXT_SUFFIX')
    if any(ROOT.glob(f'loma_mm/functional/*{suffix}')):
        say("loma_mm's own C is compiled: magnifying is fast.")
    else:
        say(
            "loma_mm's own C is not compiled, for want of a C compiler or Python's "
            'headers: all works, magnifying takes longer (docs/speed.md).'
        )


def lock_files(stack):
    """The stack's pins, and those of its CUDA libraries (may not exist)."""
    folder = ROOT / 'requirements'
    return folder / f'{stack}.txt', folder / f'{stack}-cuda.txt'


def read_pins(lock_file):
    lines = (
        line.split('#')[0].split(';')[0].strip()
        for line in lock_file.read_text().splitlines()
    )
    return dict(line.split('==') for line in lines if line)


def stamp(stack):
    """What the environment is made from; another value rebuilds it."""
    digest = hashlib.sha256()
    for path in (
        *filter(Path.is_file, lock_files(stack)),
        Path(__file__),
        ROOT / 'setup.cfg',
        ROOT / 'setup.py',
        *ROOT.glob('loma_mm/**/*.[ch]'),
    ):
        digest.update(path.read_bytes())
    return f'{sys.version.split()[0]} {ROOT} {digest.hexdigest()}\n'


def dotted(version):
    return '.'.join(map(str, version))


def this_python():
    return dotted(sys.version_info[:2])


def run(command, env=None):
    if subprocess.run(command, env=env).returncode:
        stop(
            'This command failed, see above; when its cause is mended, call '
            'make env again: {}'.format(' '.join(map(shlex.quote, command)))
        )


def say(message):
    print('[make env] ' + message, flush=True)


def stop(message):
    sys.exit('[make env] ' + message)


if __name__ == '__main__':
    main()
