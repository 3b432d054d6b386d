"""From what the random draws of a training are seeded, in one place.

Every draw is a function of the seed of the run, the rank, and how far the
training has come; :class:`~loma_mm.engine.DrawSeedHook` says where.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def seed_generators(*key: int) -> None:
    """Seed Python's, NumPy's and torch's global generators from numbers.

    Args:
        *key (int): From 0 on. Keys of the same length that differ anywhere
            give streams without relation: NumPy's ``SeedSequence`` mixes them.
    """
    *numpy_words, python_word, torch_word = (
        np.random.SeedSequence(key).generate_state(6, np.uint64).tolist()
    )
    words = [part for word in numpy_words for part in divmod(word, 1 << 32)]
    np.random.seed(words)
    random.seed(python_word)
    # torch.manual_seed takes as long as a small image where no GPU is used.
    torch.default_generator.manual_seed(torch_word)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(torch_word)


@contextmanager
def generators_kept() -> Iterator[None]:
    """Give the CPU's generators back the states that they have now."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


class SeededBatch(list):
    """The indices of a batch; whoever reads them draws from its own seed.

    A data loader reads them where it loads the samples, in a worker or in the
    training process, one sample after the other: so the draws of a batch do
    not depend on which worker loads it, on how many there are, or on what it
    loaded before.

    Args:
        indices (list): The indices of the batch.
        key (tuple[int, ...]): See :func:`seed_generators`.
    """

    def __init__(self, indices: list, key: tuple[int, ...]) -> None:
        super().__init__(indices)
        self.key = key

    def __reduce__(self) -> tuple:
        # A slice, as it does not iterate: a loader's queue pickles in a thread
        # of the training process, whose draws must not be seeded meanwhile.
        return type(self), (self[:], self.key)

    def __iter__(self) -> Iterator[Any]:
        if torch.utils.data.get_worker_info() is not None:
            seed_generators(*self.key)
            yield from super().__iter__()
            return
        # In the training process, whose own draws go on as if without it.
        with generators_kept():
            seed_generators(*self.key)
            yield from super().__iter__()
