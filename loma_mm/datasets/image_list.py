"""Classification: a list of images with their labels."""

from mmengine.fileio import get_file_backend
from mmpretrain.datasets import CustomDataset

from loma_mm.errors import DataError

from .lists import read_lines


class ImageList(CustomDataset):
    """MMPretrain's CustomDataset, which reads lists as editors leave them.

    Any ends of lines, blank lines, a byte order mark; a line that is no name
    with a label is an error that names it. Without ``ann_file`` it is
    ``CustomDataset``, whose arguments it has.

    Raises:
        DataError: If a line of the list cannot be read.
    """

    def load_data_list(self) -> list[dict]:
        """Read the list."""
        if not self.ann_file:
            return super().load_data_list()
        backend = get_file_backend(self.img_prefix, enable_singleton=True)
        found = []
        for number, line in read_lines(self.ann_file):
            name, label = self.split_line(line, f'{self.ann_file}:{number}')
            info = dict(img_path=backend.join_path(self.img_prefix, name))
            found.append(info if label is None else dict(info, gt_label=label))
        return found

    def split_line(self, line: str, where: str) -> tuple[str, int | None]:
        """Name and label of a line; None without ``with_label``."""
        if not self.with_label:
            return line, None
        name, *rest = line.rsplit(maxsplit=1)
        try:
            label = int(rest[0])
        except (IndexError, ValueError):
            label = -1
        if label < 0:
            raise DataError(
                f'{where} is not the name of an image and a label from 0 on, but '
                f'{line!r}: mend the line or take it out.'
            )
        return name, label
