"""What the benchmarks share: interleaved timing, and where results go."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import torch
from rich.progress import track

from loma_mm.files import write_text

OUT = Path('work_dirs/bench')
# Seconds of a call in one round, at least and (but for slow calls) at most:
# short enough to see the same machine as the others, long enough for its
# first calls, with cold caches, not to count.
SHORTEST, LONGEST = 0.02, 0.2


def compare(
    calls: dict[str, Callable[[int], object]], cases: int, rounds: int = 7
) -> dict[str, float]:
    """Time calls against each other, all in turn in every round.

    Args:
        calls (Dict[str, Callable[[int], object]]): Functions of the number
            of a case.
        cases (int): Their numbers are 0, 1, ...; calls that take longer
            than :data:`LONGEST` for all of them get the first ones only.
        rounds (int): The median round counts; one more warms up.

    Returns:
        Dict[str, float]: Seconds a case.
    """
    counts, times = {}, {name: [] for name in calls}
    for name, call in calls.items():
        call(0)
        start = time.perf_counter()
        call(1 % cases)
        seconds = time.perf_counter() - start
        counts[name] = max(min(cases, int(LONGEST / seconds)), 2)
        while counts[name] * seconds < SHORTEST:
            counts[name] += cases
    for i in track(range(rounds + 1), 'timing', transient=True):
        for name, call in calls.items():
            start = time.perf_counter()
            for case in range(counts[name]):
                call(case % cases)
            if i:
                times[name].append((time.perf_counter() - start) / counts[name])
    return {name: statistics.median(taken) for name, taken in times.items()}


def one_thread() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def machine() -> str:
    """The machine and the versions that a result depends on."""
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
        cpu = next(line.split(':')[1].strip() for line in lines if 'model name' in line)
    except (OSError, StopIteration):
        cpu = platform.processor() or platform.machine()
    return (
        f'{os.cpu_count()} cores of {cpu}; Python '
        f'{platform.python_version()}, PyTorch {torch.__version__}, '
        f'OpenCV {cv2.__version__}'
    )


def publish(name: str, text: str) -> None:
    """Print a result and keep it as a Markdown file."""
    text = f'{text}\n\n({machine()}.)\n'
    write_text(OUT / f'{name}.md', text)
    print(f'\n{text}')
