"""What people bring and always could: it trains, and nothing is said of it."""

import numpy as np
import pytest
from PIL import Image

from .faults import CONFIGS, annotation, make
from .shrink import losses, small

IMAGES = {
    'gray.jpg': 'L',
    'cmyk.jpg': 'CMYK',
    'sixteen_bits.png': 'I;16',
    'rgba.png': 'RGBA',
    'palette.png': 'P',
}


def write_images(folder):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for name, mode in IMAGES.items():
        if mode == 'I;16':
            image = Image.fromarray(rng.integers(0, 2**16, (60, 80), np.uint16))
        else:
            image = Image.fromarray(rng.integers(0, 256, (60, 80, 3), np.uint8))
            image = image.convert(mode)
        assert image.mode == mode
        image.save(folder / name)


# Each with a box to learn besides.
ANNOTATIONS = dict(
    zip(
        (name.split('.')[0] for name in IMAGES),
        (
            annotation((5.5, 5.25, 40.75, 40.0)),
            annotation((5, 5, 40, 40)).split('<size>')[0]
            + annotation((5, 5, 40, 40)).split('</size>\n')[1],
            annotation((5, 5, 40, 40)).replace('<difficult>0</difficult>\n', ''),
            annotation((5, 5, 40, 40), (50, 10, 30, 40), (60, 10, 60, 40)),
            annotation((5, 5, 40, 40)).replace('\n', '\r\n'),
        ),
    )
)


@pytest.mark.parametrize('kind', ['voc', 'folders'])
def test_it_trains(call, tmp_path, kind):
    """Also a last batch of one, and a work dir with a blank."""
    root, work = tmp_path / 'data', tmp_path / 'my work'
    root.mkdir()
    options = make(kind, root)
    if kind == 'voc':
        write_images(root / 'JPEGImages')
        for name, text in ANNOTATIONS.items():
            (root / f'Annotations/{name}.xml').write_bytes(text.encode())
        (root / 'train.txt').write_text('\n'.join(ANNOTATIONS) + '\n')
        assert '<size>' not in ANNOTATIONS['cmyk']
        batch = 2
    else:
        write_images(root / 'train/cat')
        # With the three of make() and the three of dogs: one is left.
        batch = 5
    done = call(
        *('train', CONFIGS[kind], '--work-dir', work, '--cfg-options'),
        *small(CONFIGS[kind]),
        *options,
        f'train_dataloader.batch_size={batch}',
        'train_dataloader.drop_last=False',
        'train_dataloader.dataset.indices=None',
        'default_hooks.logger.interval=1',
    )
    assert done.code == 0, done.said
    assert 'Epoch(train) [1][3/3]' in done.out
    assert list(work.glob('epoch_1.pth'))
    found = losses(work)
    assert found and np.isfinite(found).all()
    said = [line for line in done.err.splitlines() if 'mmcv' not in line]
    # The two boxes of no width are counted.
    assert len(said) == (kind == 'voc') and all('is inside' in line for line in said)
