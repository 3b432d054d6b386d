"""What the commands that start many runs share on their command lines."""

import argparse
import shlex
from collections.abc import Sequence
from typing import Any

from loma_mm.errors import RunError, UsageError
from loma_mm.experiments import Results, Run, collect, run_all
from loma_mm.experiments.runs import TRAIN

from .arguments import add_trust, output_folder, output_text, positive, seed

LAUNCHERS = ('python', 'torchrun', 'slurm')


class Once(argparse.Action):
    """Values of which each counts once, as seeds do."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Keep the first of equal values."""
        setattr(namespace, self.dest, list(dict.fromkeys(values)))


def add_experiment_arguments(
    parser: argparse.ArgumentParser, work_dir: str, csv: str = ''
) -> argparse._MutuallyExclusiveGroup:
    """Add where runs and results go and how runs are started.

    Args:
        parser (argparse.ArgumentParser): Of the command.
        work_dir (str): Default of ``--work-dir``.
        csv (str): What the help says of the default of ``--csv``, which the
            command sets.

    Returns:
        argparse._MutuallyExclusiveGroup: What is done in place of training.
    """
    parser.add_argument(
        '--work-dir',
        default=work_dir,
        type=output_folder,
        help=f'each run goes to NAME/seedN in there (default: {work_dir})',
    )
    parser.add_argument(
        '--csv',
        type=output_text,
        help=f'table of results (default: {csv or "WORK_DIR/results.csv"})',
    )
    parser.add_argument('--seeds', type=seed, nargs='+', action=Once, metavar='N')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='settings of all runs, as for the command train',
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
    action.add_argument(
        '--side-by-side',
        action='store_true',
        help='train all runs at once in this process, on one GPU: classifiers of small '
        'images, with LOMA in image space or without',
    )
    parser.add_argument(
        '--gpus',
        type=positive,
        default=1,
        help='processes of each run, one for a GPU (default: 1); of several '
        'machines with --commands alone',
    )
    parser.add_argument('--partition', default='PARTITION', help='of --commands slurm')
    add_trust(parser)
    return action


def job_command(
    run: Run, launcher: str, gpus: int, partition: str, trust: bool = False
) -> str:
    """The command of one run.

    Args:
        run (Run): The run.
        launcher (str): 'python', 'torchrun' or 'slurm'.
        gpus (int): Number of processes.
        partition (str): For 'slurm'.
        trust (bool): Whether it trusts checkpoints. Defaults to False.

    Returns:
        str: One line for a shell.
    """
    train = train_words(gpus) if launcher == 'python' else TRAIN
    words = [*train, run.config, '--work-dir', run.work_dir]
    if launcher == 'slurm':
        per_node = min(gpus, 8)
        start = [
            'srun',
            f'--partition={partition}',
            f'--job-name={run.name.replace("/", "-")}-{run.seed}',
            f'--gres=gpu:{per_node}',
            f'--ntasks={gpus}',
            f'--ntasks-per-node={per_node}',
            '--cpus-per-task=5',
            '--kill-on-bad-exit=1',
            'python',
            '-u',
        ]
        words += ['--launcher', 'slurm']
    elif launcher == 'torchrun':
        start = ['torchrun', f'--nproc_per_node={gpus}']
        words += ['--launcher', 'pytorch']
    else:
        start = ['python']
    return shlex.join([*start, *words, *trust_words(trust), *run.arguments])


def trust_words(trust: bool) -> tuple[str, ...]:
    """What a run is told of checkpoints."""
    return ('--trust-checkpoint',) if trust else ()


def train_words(gpus: int, trust: bool = False) -> tuple[str, ...]:
    """What Python is given to train a config on GPUs of this machine."""
    if gpus == 1:
        return (*TRAIN, *trust_words(trust))
    launch = ('torch.distributed.run', '--standalone', f'--nproc_per_node={gpus}')
    return ('-m', *launch, *TRAIN, '--launcher', 'pytorch', *trust_words(trust))


def carry_out(
    runs: Sequence[Run], results: Results, args: argparse.Namespace
) -> list[str]:
    """Do what :func:`add_experiment_arguments`'s flags ask for.

    Args:
        runs (Sequence[Run]): All runs of the experiment.
        results (Results): Where results go.
        args (argparse.Namespace): The command line.

    Returns:
        list[str]: A sentence for each run that went wrong.
    """
    if args.side_by_side:
        if args.gpus > 1:
            raise UsageError('--side-by-side is of one GPU: leave --gpus out')
        try:
            from loma_mm.experiments.side_by_side import train_side_by_side
        except ImportError as error:  # a detector's runs do without MMPretrain
            raise UsageError(
                '--side-by-side is of classifiers, and MMPretrain cannot be imported: '
                f'{error}'
            ) from error
        return train_side_by_side(runs, results)
    if not (args.commands or args.collect):
        return run_all(runs, results, train_words(args.gpus, args.trust_checkpoint))
    pending = collect(runs, results)
    if args.commands:
        for run in pending:
            print(
                job_command(
                    run, args.commands, args.gpus, args.partition, args.trust_checkpoint
                )
            )
    else:
        done = len(runs) - len(pending)
        print(f'{results.path}: {done} of {len(runs)} runs are done.')
    return []


def raise_problems(problems: Sequence[str]) -> None:
    """Raise a RunError if there are sentences of :func:`carry_out`."""
    if problems:
        raise RunError('\n'.join(problems))
