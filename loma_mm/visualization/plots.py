"""What all plots of this project share."""

from matplotlib.figure import Figure

from loma_mm.files import whole_file

# matplotlib's colour-blind-safe palette: matplotlib.style.context(STYLE)
STYLE = 'tableau-colorblind10'


def save_figure(figure: Figure, path: str, dpi: int = 120) -> None:
    """Write a figure; a file under ``path`` is always a whole one.

    Args:
        figure (Figure): Made with ``layout='constrained'``, so that nothing
            is cut off.
        path (str): Its suffix says the format. Missing folders are made.
        dpi (int): Pixels an inch. Defaults to 120.
    """
    with whole_file(path) as part:
        figure.savefig(part, dpi=dpi)
