"""An image that cannot be loaded is named, in whatever process loads it."""

import warnings
from typing import Any

from mmcv.transforms import LoadImageFromFile

from loma_mm.datasets.image_check import image_size
from loma_mm.errors import DataError, LomaWarning

from .datasets import datasets_inside


class LoadImageOrNameIt:
    """A toolbox's LoadImageFromFile, with a sentence where it fails.

    With its ``ignore_empty``, where MMEngine takes another sample instead, it
    is a warning, once for each file.

    Args:
        load (LoadImageFromFile): The transform.
    """

    def __init__(self, load: LoadImageFromFile) -> None:
        self.load = load
        self._named: set[str] = set()

    def __call__(self, results: dict) -> dict | None:
        """Load the image of a sample.

        Raises:
            DataError: If it cannot be loaded.
        """
        path = results.get('img_path')
        try:
            loaded = self.load(results)
        except Exception as error:
            if not isinstance(path, str):
                raise
            raise DataError(
                f'{self._what_is_wrong(path, error)}: put a whole image there, or '
                'take it out of the dataset.'
            ) from error
        if loaded is None and isinstance(path, str) and path not in self._named:
            self._named.add(path)
            warnings.warn(
                f'{self._what_is_wrong(path)}: another sample takes its place.',
                LomaWarning,
                stacklevel=2,
            )
        return loaded

    def _what_is_wrong(self, path: str, error: Exception | None = None) -> str:
        if self.load.backend_args is None and '://' not in path:
            try:
                image_size(path)
            except DataError as reason:
                return str(reason).removesuffix('.')
        what = f' ({" ".join(str(error).split())})' if error else ''
        return f'{path} cannot be loaded{what}'

    def __repr__(self) -> str:
        return repr(self.load)


def name_unreadable(dataset: Any) -> None:
    """Let the pipelines inside a dataset name images that cannot be loaded."""
    for part in datasets_inside(dataset):
        steps = getattr(getattr(part, 'pipeline', None), 'transforms', [])
        for i, step in enumerate(steps):
            if isinstance(step, LoadImageFromFile):
                steps[i] = LoadImageOrNameIt(step)
