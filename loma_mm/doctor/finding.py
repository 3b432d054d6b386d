"""One thing that the doctor found out."""

from typing import NamedTuple

FINE, NOTE, WRONG = 'fine', 'note', 'wrong'


class Finding(NamedTuple):
    """One thing, in plain words.

    Args:
        level (str): 'fine', 'note' (a limit, or something only some people
            need) or 'wrong' (the toolboxes will not work).
        text (str): What is so.
        remedy (str): What to do about it, '' if nothing.
    """

    level: str
    text: str
    remedy: str = ''

    def __str__(self) -> str:
        remedy = f'\n       -> {self.remedy}' if self.remedy else ''
        return f'{self.level:5}  {self.text}{remedy}'
