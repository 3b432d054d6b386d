import pytest

from loma_mm.datasets.class_folders import class_folders
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


def test_a_class_is_a_folder_that_holds_an_image_however_deep(tmp_path):
    for path in (
        'a/1.jpg',
        'b/deep/er/2.PNG',
        'c/notes.txt',
        'd/.3.jpg',
        'e/__MACOSX/4.jpg',
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / 'f/folder.jpg').mkdir(parents=True)
    (tmp_path / 'g.jpg').touch()
    assert class_folders(str(tmp_path)) == ['a', 'b']


def test_folders_are_not_read_to_their_end_to_see_that_they_are_classes(
    tmp_path, monkeypatch
):
    """A class of ImageNet has 1,300 images; 1,000 of them are asked several times."""
    for i in range(2):
        (tmp_path / f'a/{i}.jpg').parent.mkdir(exist_ok=True)
        (tmp_path / f'a/{i}.jpg').touch()
    monkeypatch.setattr(
        'loma_mm.datasets.class_folders.walk_visible', lambda *_: pytest.fail()
    )
    assert class_folders(str(tmp_path)) == ['a']
