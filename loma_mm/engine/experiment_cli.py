"""What the tools that start many runs share on their command lines."""

import argparse
import os.path as osp
import shlex
from collections.abc import Sequence

from mmengine.config import DictAction

from .experiments import Results, Run, collect, run_all

LAUNCHERS = ('python', 'torchrun', 'slurm')


def add_experiment_arguments(
    parser: argparse.ArgumentParser, work_dir: str, csv: str = ''
) -> None:
    """Add where runs and results go and how runs are started.

    Args:
        parser (argparse.ArgumentParser): Of the tool.
        work_dir (str): Default of ``--work-dir``.
        csv (str): What the help says of the default of ``--csv``, which the
            tool sets.
    """
    parser.add_argument(
        '--work-dir',
        default=work_dir,
        help=f'each run goes to NAME/seedN in there (default: {work_dir})',
    )
    parser.add_argument(
        '--csv', help=f'table of results (default: {csv or "WORK_DIR/results.csv"})'
    )
    parser.add_argument('--seeds', type=int, nargs='+', metavar='N')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='settings of all runs, as for tools/train.py',
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        '--commands',
        choices=LAUNCHERS,
        help='train nothing: print a command for each run that has no '
        'result; afterwards, --collect',
    )
    action.add_argument(
        '--collect',
        action='store_true',
        help='train nothing: take the results of finished work dirs',
    )
    parser.add_argument(
        '--gpus',
        type=int,
        default=1,
        help='processes of each of the --commands (default: 1)',
    )
    parser.add_argument('--partition', default='PARTITION', help='of --commands slurm')


def parse_options(options: Sequence[str]) -> dict:
    """``--cfg-options`` as :func:`loma_mm.engine.load_config` wants them."""
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS)
    parser.add_argument('--cfg-options', nargs='*', action=DictAction)
    for option in options:
        if '=' not in option:
            parser.error(f'--cfg-options must be KEY=VALUE, got {option}')
    return parser.parse_args(['--cfg-options', *options]).cfg_options


def job_command(run: Run, launcher: str, tools: str, gpus: int, partition: str) -> str:
    """The command of one run.

    Args:
        run (Run): The run.
        launcher (str): 'python', 'torchrun' or 'slurm'.
        tools (str): Folder of the training scripts.
        gpus (int): Number of processes, for 'torchrun' and 'slurm'.
        partition (str): For 'slurm'.

    Returns:
        str: One line for a shell.
    """
    if launcher == 'slurm':
        job = f'{run.name.replace("/", "-")}-{run.seed}'
        words = [
            osp.join(tools, 'slurm_train.sh'),
            partition,
            job,
            run.config,
            run.work_dir,
        ]
    else:
        words = [run.config, '--work-dir', run.work_dir]
        if launcher == 'torchrun':
            words[:0] = [osp.join(tools, 'dist_train.sh')]
            words[2:2] = [str(gpus)]
        else:
            words[:0] = ['python', osp.join(tools, 'train.py')]
    line = ' '.join(map(shlex.quote, [*words, *run.arguments]))
    return f'GPUS={gpus} {line}' if launcher == 'slurm' else line


def carry_out(
    runs: Sequence[Run], results: Results, args: argparse.Namespace, tools: str
) -> list[str]:
    """Do what :func:`add_experiment_arguments`'s flags ask for.

    Args:
        runs (Sequence[Run]): All runs of the experiment.
        results (Results): Where results go.
        args (argparse.Namespace): The command line.
        tools (str): Folder of the training scripts.

    Returns:
        list[str]: A sentence for each run that went wrong.
    """
    if not (args.commands or args.collect):
        return run_all(runs, results, osp.join(tools, 'train.py'))
    pending = collect(runs, results)
    if args.commands:
        for run in pending:
            print(
                job_command(
                    run, args.commands, osp.relpath(tools), args.gpus, args.partition
                )
            )
    else:
        print(
            f'{results.path}: {len(runs) - len(pending)} of {len(runs)} runs are done.'
        )
    return []
