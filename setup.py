"""The compiled part of the package and what it ships beside its code.

All else is in setup.cfg.
"""

import shutil
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py

# What OpenMMLab's packages have in a folder .mim, where mim and mmengine look
# for it; make_env.py is of use in a clone alone.
SHIPPED = ('model-index.yml', 'configs', 'tools')
LEFT_OUT = ('__pycache__', 'make_env.py')


class BuildWithConfigs(build_py):
    """Build the package with its configs and tools in ``loma_mm/.mim``."""

    def run(self):
        super().run()
        if getattr(self, 'editable_mode', False):
            self._link()
            return
        target = Path(self.build_lib, 'loma_mm', '.mim')
        # A build folder may hold what was renamed since.
        shutil.rmtree(target, ignore_errors=True)
        for path in shipped_files():
            self.mkpath(str((target / path).parent))
            self.copy_file(path, str(target / path))

    def _link(self):
        # A clone that is installed as it stands; without links, which not
        # every system allows, our own commands find the configs all the same.
        target = Path('loma_mm', '.mim')
        target.mkdir(exist_ok=True)
        for name in SHIPPED:
            link = target / name
            if not link.exists():
                try:
                    link.symlink_to(Path('..', '..', name))
                except OSError as error:
                    self.warn(f'{link} could not be made: {error}')

    def get_source_files(self):
        """What a source package has."""
        return [*super().get_source_files(), *shipped_files()]

    def get_outputs(self, include_bytecode=True):
        """What an installed package has."""
        if getattr(self, 'editable_mode', False):
            return super().get_outputs(include_bytecode)
        target = Path(self.build_lib, 'loma_mm', '.mim')
        return [
            *super().get_outputs(include_bytecode),
            *(str(target / path) for path in shipped_files()),
        ]


def shipped_files():
    """The files of SHIPPED, relative to this folder."""
    found = []
    for name in SHIPPED:
        paths = [Path(name), *sorted(Path(name).rglob('*'))]
        found += [
            path.as_posix()
            for path in paths
            if path.is_file() and not set(path.parts) & set(LEFT_OUT)
        ]
    return found


SOURCES = 'loma_mm/functional/csrc'

setup(
    cmdclass=dict(build_py=BuildWithConfigs),
    ext_modules=[
        Extension(
            'loma_mm.functional._compiled',
            sorted(path.as_posix() for path in Path(SOURCES).glob('*.c')),
            depends=[path.as_posix() for path in Path(SOURCES).glob('*.h')],
            # No fused multiply-add: results equal float64 NumPy's bit by bit.
            extra_compile_args=[
                '-O3',
                '-fno-math-errno',
                '-fno-trapping-math',
                '-ffp-contract=off',
            ],
            # Without a compiler the package works too, in NumPy and PyTorch.
            optional=True,
        )
    ],
)
