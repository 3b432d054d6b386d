"""The page of ``python -m loma_mm play``, made with gradio.

That is imported where it is used, for it may not be installed.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loma_mm.checks import INTERPOLATIONS, SHAPES
from loma_mm.datasets import LocalMagnification
from loma_mm.datasets.transforms.local_magnification import LABELS
from loma_mm.visualization.playground import (
    Picture,
    config_line,
    draw_page,
    draw_region,
    one_region,
)

from .play import read_picture

# Not gradio's button to share, which uploads.
BUTTONS = ['download', 'fullscreen']
INTRODUCTION = """# Local Magnification
In the region S around the centre, each pixel reads from nearer the centre; the
offset is multiplied by d/r. The line below the pictures goes into the training
pipeline of your config, after cropping and flipping.
"""
ONE = """The line fixes r and a, as chosen here. The centre is drawn anew for each
image, and a coin picks the axis that is compressed."""


def theme():
    """With fonts of the machine: the page asks no other server for any."""
    import gradio as gr

    return gr.themes.Default(
        font=['system-ui', 'sans-serif'], font_mono=['ui-monospace', 'monospace']
    )


@contextmanager
def sentences() -> Iterator[None]:
    """Show what cannot be done as a sentence."""
    import gradio as gr

    try:
        yield
    except ValueError as error:
        # As all errors of loma_mm.errors that can be met here.
        raise gr.Error(str(error), title='This cannot be done') from error


@sentences()
def show_region(
    pictures, index, shape, interpolation, labels, x, y, radius, ratio, axis
):
    """What the sheet of one region shows: the picture and the line."""
    region = one_region(shape, radius, ratio, axis, (x, y))
    transform = LocalMagnification(
        1.0, shape, (radius, radius), (ratio, ratio), interpolation, labels
    )
    drawn = draw_region(pictures[index], region, interpolation, labels)
    return drawn, config_line(transform)


@sentences()
def show_draws(
    pictures,
    shape,
    interpolation,
    labels,
    prob,
    r_min,
    r_max,
    a_min,
    a_max,
    seed,
):
    """What the sheet of random draws shows: the page, the line, a count."""
    transform = LocalMagnification(
        prob, shape, (r_min, r_max), (a_min, a_max), interpolation, labels
    )
    page, touched = draw_page(pictures, transform, int(seed))
    return page, config_line(transform), f'LOMA touched {touched} of 12 images.'


@sentences()
def upload(pictures, path):
    """Add an uploaded image, or say in a sentence why not."""
    picture = read_picture(path, Path(path).name).fit()
    import gradio as gr

    pictures = [*pictures, picture]
    return pictures, gr.update(choices=names(pictures), value=len(pictures) - 1)


def names(pictures: Sequence[Picture]) -> list[tuple[str, int]]:
    """The choices of the list of images: their names and places."""
    return [(picture.name, i) for i, picture in enumerate(pictures)]


def build_page(pictures: Sequence[Picture]) -> Any:
    """Lay out the page, a gradio.Blocks; every event calls a function above."""
    import gradio as gr

    def slider(label: str, low: float, high: float, value: float, step=0.01):
        return gr.Slider(low, high, value, step=step, label=label)

    with gr.Blocks(title='Local Magnification', analytics_enabled=False) as page:
        shown = gr.State(list(pictures))
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            image = gr.Dropdown(names(pictures), value=0, label='image')
            shape = gr.Radio(SHAPES, value=SHAPES[0], label='shape')
            interpolation = gr.Radio(
                INTERPOLATIONS, value=INTERPOLATIONS[0], label='interpolation'
            )
            labels = gr.Radio(LABELS, value=LABELS[0], label='labels (boxes)')
            button = gr.UploadButton('upload an image')
        common = [shape, interpolation, labels]
        with gr.Tab('one region'):
            with gr.Row():
                x = slider('centre x, of the width', 0, 1, 0.53)
                y = slider('centre y, of the height', 0, 1, 0.48)
                radius = slider('radius r, of the longer side', 0.01, 1, 0.31)
                ratio = slider('compression ratio a', 0.5, 5, 1.6)
                axis = gr.Radio(('x', 'y'), value='y', label='compressed axis')
            region = gr.Image(label='the region', format='png', buttons=BUTTONS)
            line = gr.Code(language='python', label='line of a config', lines=1)
            gr.Markdown(ONE)
        with gr.Tab('random draws'):
            usual = LocalMagnification()
            with gr.Row():
                prob = slider('probability p', 0, 1, usual.prob)
                r_min = slider('r, least', 0.01, 1, usual.sampler.radius_range[0])
                r_max = slider('r, largest', 0.01, 1, usual.sampler.radius_range[1])
                a_min = slider('a, least', 0.5, 5, usual.sampler.ratio_range[0])
                a_max = slider('a, largest', 0.5, 5, usual.sampler.ratio_range[1])
                seed = gr.Number(0, precision=0, minimum=0, label='seed')
            draws = gr.Image(label='random draws', format='png', buttons=BUTTONS)
            count = gr.Markdown()
            draws_line = gr.Code(language='python', label='line of a config', lines=1)

        sheets = (
            (
                show_region,
                [shown, image, *common, x, y, radius, ratio, axis],
                [region, line],
            ),
            (
                show_draws,
                [shown, *common, prob, r_min, r_max, a_min, a_max, seed],
                [draws, draws_line, count],
            ),
        )
        for show, inputs, outputs in sheets:
            gr.on(
                [page.load, *(one.change for one in inputs)],
                show,
                inputs,
                outputs,
                show_progress='hidden',
                # While one is drawn, of all moves of a slider the last counts.
                trigger_mode='always_last',
            )
        button.upload(upload, [shown, button], [shown, image])
    return page
