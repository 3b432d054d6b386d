"""Run the fuzz and the tests of functional/ on loops under AddressSanitizer and UBSan.

    python tests/sanitize.py [pytest's arguments]

The package is copied and compiled again in a temporary folder; this tree and
its module stay as they are. GCC on Linux.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLAGS = '-fsanitize=address,undefined -fno-sanitize-recover=undefined -g'


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in ('loma_mm', 'tests'):
            shutil.copytree(
                ROOT / name, tree / name, ignore=shutil.ignore_patterns('*.so', '*.pyc')
            )
        for name in ('setup.py', 'setup.cfg', 'pyproject.toml', 'README.md'):
            shutil.copy(ROOT / name, tree)
        flags = dict.fromkeys(('CFLAGS', 'LDFLAGS'), FLAGS)
        subprocess.run(
            [sys.executable, 'setup.py', '-q', 'build_ext', '--inplace'],
            cwd=tree,
            env={**os.environ, **flags},
            check=True,
        )
        libraries = [
            subprocess.check_output(
                ['gcc', f'-print-file-name={name}'], text=True
            ).strip()
            for name in ('libasan.so', 'libubsan.so', 'libstdc++.so')
        ]
        env = {
            **os.environ,
            'PYTHONPATH': str(tree),
            'LD_PRELOAD': ' '.join(libraries),
            # Python and torch keep what they have until they end.
            'ASAN_OPTIONS': 'detect_leaks=0:allocator_may_return_null=1',
            'UBSAN_OPTIONS': 'print_stacktrace=1',
        }
        arguments = sys.argv[1:] or ['--hypothesis-profile=fuzz']
        tests = ['tests/test_fuzz/test_functions.py', 'tests/test_functional']
        tests += ['-p', 'no:cacheprovider', *arguments]
        return subprocess.run(
            [sys.executable, '-m', 'pytest', *tests], cwd=tree, env=env, check=False
        ).returncode


if __name__ == '__main__':
    sys.exit(main())
