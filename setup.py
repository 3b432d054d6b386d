"""The compiled part of the package; all else is in setup.cfg."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            f'loma_mm.functional.{name}',
            [f'loma_mm/functional/{name}.c'],
            depends=['loma_mm/functional/_clones.h'],
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
        for name in ('_image', '_feature')
    ]
)
