"""What all plots of this project share."""

import argparse
import os
import os.path as osp

from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure

# matplotlib's colour-blind-safe palette: matplotlib.style.context(STYLE)
STYLE = 'tableau-colorblind10'


def picture_path(path: str) -> str:
    """An argparse type: a file that :func:`save_figure` can write."""
    known = sorted(FigureCanvasBase.get_supported_filetypes())
    if osp.splitext(path)[1][1:].lower() not in known:
        raise argparse.ArgumentTypeError(
            f'the name of a picture must end with one of .{", .".join(known)},'
            f' got {path}'
        )
    return path


def save_figure(figure: Figure, path: str, dpi: int = 120) -> None:
    """Write a figure; a file under ``path`` is always a whole one.

    Args:
        figure (Figure): Made with ``layout='constrained'``, so that nothing
            is cut off.
        path (str): Its suffix says the format. Missing folders are made.
        dpi (int): Pixels an inch. Defaults to 120.
    """
    os.makedirs(osp.dirname(path) or '.', exist_ok=True)
    stem, suffix = osp.splitext(path)
    partial = f'{stem}.part{suffix}'
    figure.savefig(partial, dpi=dpi)
    os.replace(partial, path)
