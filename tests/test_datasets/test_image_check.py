"""Images are what training can read, whatever their name and format."""

import cv2
import numpy as np
import pytest
from PIL import Image

from loma_mm.datasets.image_check import image_size
from loma_mm.errors import DataError


@pytest.mark.parametrize('suffix', ['.hdr', '.ras', '.ppm', '.bmp'])
def test_what_opencv_reads_is_an_image(tmp_path, suffix):
    """PIL does not know the first."""
    path = tmp_path / f'a{suffix}'
    cv2.imwrite(str(path), np.zeros((30, 40, 3), np.uint8))
    renamed = path.rename(tmp_path / 'a.png')
    assert image_size(str(renamed)) == (40, 30)


def test_what_pil_alone_reads_is_none(tmp_path):
    path = tmp_path / 'a.png'
    Image.new('L', (40, 30)).save(path, 'PCX')
    with pytest.raises(DataError, match='OpenCV cannot decode this PCX'):
        image_size(str(path))


@pytest.mark.parametrize('name', ['a.tif', 'a.bmp', 'a.webp'])
def test_what_opencv_does_not_read_is_no_image(tmp_path, name):
    """PIL reads floats of 32 bits, on which training stopped in its first epoch."""
    path = tmp_path / name
    if name == 'a.tif':
        Image.fromarray(np.ones((8, 8), np.float32)).save(path)
    else:
        Image.fromarray(np.ones((64, 64, 3), np.uint8)).save(path)
        assert image_size(str(path)) == (64, 64)
        path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match=f'{name} is an image that cannot be decoded'):
        image_size(str(path))


@pytest.mark.parametrize(
    ('path', 'said'), [('/dev/null', 'is no file'), ('/dev', 'is a folder')]
)
def test_what_is_no_file(path, said):
    with pytest.raises(DataError, match=said):
        image_size(path)


def test_what_may_not_be_read(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, 'Permission denied', path)

    path = tmp_path / 'a.png'
    path.write_bytes(b'x')
    monkeypatch.setattr(Image, 'open', refuse)
    with pytest.raises(DataError, match='cannot be read: permission denied'):
        image_size(str(path))
