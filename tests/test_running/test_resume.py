import os

import torch

from loma_mm.running.resume import is_whole, latest_checkpoint


def test_the_newest_whole_checkpoint(tmp_path):
    """A kill between deleting the old one and writing the new, and others."""
    assert latest_checkpoint(str(tmp_path)) is None
    one, two, cut = (str(tmp_path / f'epoch_{i}.pth') for i in (1, 2, 3))
    for i, path in enumerate((one, two, cut)):
        torch.save(dict(weights=torch.rand(1000)), path)
        os.utime(path, (i, i))
    with open(cut, 'r+b') as file:
        file.truncate(os.path.getsize(cut) // 2)
    assert is_whole(two) and not is_whole(cut)
    assert latest_checkpoint(str(tmp_path)) == two
    pointer = tmp_path / 'last_checkpoint'
    for text, expected in (
        (one, one),  # MMEngine's word counts
        (cut, two),  # but for what is cut off,
        (str(tmp_path / 'gone.pth'), two),  # gone,
        ('', two),  # or not said
        (f'/elsewhere/{os.path.basename(one)}', one),  # the folder was moved
    ):
        pointer.write_text(text)
        assert latest_checkpoint(str(tmp_path)) == expected
