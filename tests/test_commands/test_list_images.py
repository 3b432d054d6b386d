import cv2
import numpy as np
import pytest

from loma_mm.commands.list_images import list_images
from loma_mm.errors import DataError
from tests.helpers import run_command

PNG = cv2.imencode('.png', np.zeros((2, 2, 3), np.uint8))[1].tobytes()


def test_first_of_each_class_in_order_of_names(tmp_path):
    for name in (
        'dog/b.png',
        'dog/a.png',
        'cat/2.JPG',
        'cat/10.jpg',
        'cat/notes.txt',
        'cat/more/1.jpg',
    ):
        path = tmp_path / 'train' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG)
    out = tmp_path / 'list.txt'
    run_command('list-images', tmp_path / 'train', out, '--per-class', 2)
    assert out.read_text().splitlines() == [
        'cat/10.jpg 0',
        'cat/2.JPG 0',
        'dog/a.png 1',
        'dog/b.png 1',
    ]


def test_says_what_is_wrong(tmp_path):
    with pytest.raises(DataError, match='is not a folder of folders'):
        list_images(tmp_path / 'none', 1)
    (tmp_path / 'cat').mkdir()
    (tmp_path / 'cat' / 'a.jpg').touch()
    with pytest.raises(DataError, match='has 1 image, fewer than 2'):
        list_images(tmp_path, 2)
    done = run_command(
        'list-images', tmp_path, tmp_path / 'l.txt', '--per-class', 0, check=False
    )
    assert done.returncode and 'must be a whole number from 1 on' in done.stdout
