import pytest

from loma_mm.datasets.image_files import find_image, is_image


def test_suffixes_of_any_case_are_found(tmp_path):
    for name in ('a.JPG', 'b.png', 'c.v2.jpeg', 'd.txt', '.e.jpg'):
        (tmp_path / name).touch()
    (tmp_path / 'sub').mkdir()
    (tmp_path / 'sub/f.bmp').touch()
    for stem, name in (('a', 'a.JPG'), ('b', 'b.png'), ('c.v2', 'c.v2.jpeg')):
        assert find_image(str(tmp_path), stem) == str(tmp_path / name)
    assert find_image(str(tmp_path), 'sub/f') == str(tmp_path / 'sub/f.bmp')
    for stem in ('c', 'd', '.e', 'none', 'none/a'):
        assert find_image(str(tmp_path), stem) is None


@pytest.mark.parametrize('names', [('a.png', 'a.jpg'), ('a.jpg', 'a.png')])
def test_jpg_comes_first_and_new_files_are_seen(tmp_path, names):
    for name in names:
        (tmp_path / name).touch()
        assert find_image(str(tmp_path), 'a') is not None
    assert find_image(str(tmp_path), 'a') == str(tmp_path / 'a.jpg')


def test_hidden_files_are_no_images():
    assert is_image('x/a.TIFF')
    assert not is_image('x/._a.jpg') and not is_image('x/jpg')
