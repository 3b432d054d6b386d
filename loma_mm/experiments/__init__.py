"""Many runs, their results and the paper's."""

from .results import Key, Result, Results, to_percent
from .runs import Run, collect, require_same_settings, run_all
from .work_dirs import final_metrics

__all__ = [
    'Key',
    'Result',
    'Results',
    'Run',
    'collect',
    'final_metrics',
    'require_same_settings',
    'run_all',
    'to_percent',
]
