from xml.etree import ElementTree

import cv2
import numpy as np

from loma_mm.commands import make_digits
from tests.helpers import run_command


def objects(path):
    for item in ElementTree.parse(path).iterfind('object'):
        box = item.find('bndbox')
        yield (
            item.find('name').text,
            [int(box.find(tag).text) for tag in ('xmin', 'ymin', 'xmax', 'ymax')],
        )


def test_layout_is_voc(digits):
    for split, count in (('train', 16), ('test', 4)):
        names = (digits / f'ImageSets/Main/{split}.txt').read_text().split()
        assert len(set(names)) == count
        for name in names:
            img = cv2.imread(str(digits / f'JPEGImages/{name}.jpg'))
            assert img.shape == (160, 160, 3)
            found = list(objects(digits / f'Annotations/{name}.xml'))
            assert found
            for label, (x_min, y_min, x_max, y_max) in found:
                assert label in make_digits.CLASSES
                assert 1 <= x_min < x_max <= 160
                assert 1 <= y_min < y_max <= 160


def test_boxes_hold_the_digits():
    """The ink of a scene lies in its boxes, and reaches their borders."""
    rng = np.random.default_rng(0)
    images, _ = make_digits.split_digits(0)['train']
    for digit in images[:40]:
        before = np.full((96, 96, 3), 100, np.float32)
        img = before.copy()
        box = make_digits.place_digit(img, digit, np.zeros((96, 96), bool), rng)
        x_min, y_min, x_max, y_max = box
        ink = (img != before).any(-1)
        assert ink[y_min:y_max, x_min:x_max].sum() == ink.sum() > 50
        rows, cols = np.nonzero(abs(img - before).max(-1) > 15)
        assert (cols.min(), rows.min()) == (x_min, y_min)
        assert (cols.max() + 1, rows.max() + 1) == (x_max, y_max)


def test_same_seed_same_files(tmp_path):
    for name, seed in (('a', 3), ('b', 3), ('c', 4)):
        run_command(
            'make-digits',
            'voc',
            tmp_path / name,
            '--train',
            3,
            '--test',
            2,
            '--seed',
            seed,
        )

    def content(name):
        return {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob('*.*')
        }

    assert content('a') == content('b') != content('c')


def test_no_digit_is_in_both_splits():
    splits = make_digits.split_digits(0)
    train, test = (
        {image.tobytes() for image in splits[name][0]} for name in ('train', 'test')
    )
    assert len(train) + len(test) == 1797
    assert not train & test


def test_existing_folder_is_not_touched(digits):
    before = sorted(digits.rglob('*'))
    done = run_command('make-digits', 'voc', digits, check=False)
    assert done.returncode == 1 and 'exists already' in done.stdout
    assert sorted(digits.rglob('*')) == before


def test_folder_layout_holds_every_digit_once(tmp_path):
    run_command('make-digits', 'folder', tmp_path / 'digits')
    written = []
    for split, (_images, labels) in make_digits.split_digits(0).items():
        for label in range(10):
            folder = tmp_path / 'digits' / split / str(label)
            paths = sorted(folder.iterdir())
            assert len(paths) == (labels == label).sum()
            written += [cv2.imread(str(path), -1) for path in paths]
    assert len(written) == 1797
    assert {img.shape for img in written} == {(8, 8)}
    # All 17 grey levels survive.
    assert len(np.unique(written)) == 17
