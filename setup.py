"""The compiled part of the package; all else is in setup.cfg."""

from setuptools import Extension, setup

SOURCES = 'loma_mm/functional/csrc'

setup(
    ext_modules=[
        Extension(
            'loma_mm.functional._compiled',
            [f'{SOURCES}/{name}.c' for name in ('module', 'image', 'feature')],
            depends=[f'{SOURCES}/loops.h'],
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
    ]
)
