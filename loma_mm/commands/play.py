"""Play with LOMA on a page in your browser.

    python -m loma_mm play [IMAGE ...]
    python -m loma_mm play --config CONFIG

Two sheets: one region that you move by sliders, on the image, its boxes and a
grid; and a page of random draws from ranges that you choose. Each shows the
line of a config that gives its settings.

Images are photographs, uploaded ones too, or samples of the training set of a
config with their boxes, as they are loaded, before any transform. The page is
served to this machine alone (``--host`` changes that; whoever reaches it can
then see these images), and nothing leaves it. It needs gradio.
"""

import argparse
import importlib.util
import os
import os.path as osp
from collections.abc import Sequence

import mmcv
import numpy as np

from loma_mm.errors import DataError, SetupError, UsageError
from loma_mm.visualization.playground import Picture, middle_box

from .arguments import add_cfg_options, existing_file, open_samples

# As many images of a training set as a page of draws shows.
SAMPLES = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        'image',
        nargs='*',
        type=existing_file,
        metavar='IMAGE',
        help="photographs (default: scikit-learn's flower.jpg)",
    )
    parser.add_argument(
        '--config', help='config of mmdet or mmpretrain with a training set'
    )
    parser.add_argument(
        '--index',
        type=int,
        nargs='+',
        help=f'which samples of --config (default: the first {SAMPLES})',
    )
    parser.add_argument(
        '--host',
        default='127.0.0.1',
        help='address to serve at (default: 127.0.0.1, this machine alone)',
    )
    parser.add_argument(
        '--port', type=int, help='port to serve at (default: the first free from 7860)'
    )
    parser.add_argument(
        '--no-browser', action='store_true', help='do not open a browser'
    )
    add_cfg_options(parser)


def check_arguments(args: argparse.Namespace) -> None:
    """Raise an error if the arguments contradict each other, or gradio lacks."""
    if args.image and args.config:
        raise UsageError('images come from IMAGE or from --config, not from both')
    if args.index and not args.config:
        raise UsageError('--index names samples of --config')
    if importlib.util.find_spec('gradio') is None:
        raise SetupError(
            'play needs gradio, which is not installed: pip install gradio.'
        )


def read_picture(path: str, name: str = '') -> Picture:
    """A photograph, with a box in its middle.

    Raises:
        DataError: If it cannot be read as an image.
    """
    name = name or osp.basename(path)
    try:
        img = mmcv.imread(path, channel_order='rgb')
    except Exception as error:
        # OpenCV raises its own kinds, for an empty file too.
        raise DataError(
            f'{name} cannot be read as an image: choose a photograph, such as '
            'a JPEG or PNG.'
        ) from error
    if img is None:
        raise DataError(
            f'{name} cannot be read as an image: choose a photograph, such as '
            'a JPEG or PNG.'
        )
    return Picture(name, img, middle_box(img))


def load_pictures(args: argparse.Namespace) -> list[Picture]:
    """The images that the command line asks for, as large as the page's."""
    if args.config is None:
        pictures = [read_picture(path) for path in args.image] or [_example()]
    else:
        _, samples = open_samples(args.config, args.cfg_options, 'train')
        indices = args.index or range(min(SAMPLES, len(samples)))
        pictures = [_picture(index, samples[index][0]) for index in indices]
    return [picture.fit() for picture in pictures]


def _example() -> Picture:
    if importlib.util.find_spec('sklearn') is None:
        raise UsageError(
            'name an IMAGE: the photograph shown otherwise is one of scikit-learn, '
            'which is not installed'
        )
    from sklearn.datasets import load_sample_image

    img = load_sample_image('flower.jpg')
    return Picture('flower.jpg', img, middle_box(img))


def _picture(index: int, sample) -> Picture:
    """A sample as it is loaded; a classifier's has no boxes."""
    instances = sample.data_sample.get('gt_instances')
    boxes = np.zeros((0, 4))
    if instances is not None and 'bboxes' in instances:
        found = getattr(instances.bboxes, 'tensor', instances.bboxes)
        boxes = found.numpy().astype(float)
    path = sample.data_sample.get('img_path')
    name = osp.basename(path) if path else f'sample {index}'
    return Picture(name, sample.image, boxes)


def start(pictures: Sequence[Picture], args: argparse.Namespace):
    """Serve the page from a thread of its own.

    Returns:
        The gradio.Blocks, whose ``local_url`` says where, and which ``close``
        ends.

    Raises:
        SetupError: If it cannot be served at this address.
    """
    # Read when gradio is imported: nobody hears of who plays with what.
    os.environ['GRADIO_ANALYTICS_ENABLED'] = 'False'
    from .play_page import build_page, theme

    page = build_page(pictures)
    try:
        page.launch(
            server_name=args.host,
            server_port=args.port,
            inbrowser=not args.no_browser,
            share=False,
            quiet=True,
            footer_links=[],
            theme=theme(),
            prevent_thread_lock=True,
        )
    except (OSError, ValueError) as error:
        place = args.host if args.port is None else f'{args.host}:{args.port}'
        raise SetupError(
            f'The page cannot be served at {place} ({error}): choose another '
            'with --host and --port.'
        ) from error
    return page


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    check_arguments(args)
    page = start(load_pictures(args), args)
    print(f'{page.local_url}  (Ctrl+C ends it)', flush=True)
    page.block_thread()
