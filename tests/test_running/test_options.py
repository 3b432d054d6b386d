"""What stands behind --cfg-options, as it is typed."""

import shlex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loma_mm.errors import ConfigError, UsageError
from loma_mm.running import load_config
from loma_mm.running.options import parse_names, parse_options, write_names
from tests.helpers import CLASSIFIER, DETECTOR

CUSTOM = DETECTOR.parent / 'faster-rcnn_r18_fpn_scratch-8e_custom-voc.py'

# What a shell, a config and our own brackets could take for marks of theirs; not
# $ and `, which shlex leaves escaped where a shell does not.
NAMES = st.lists(
    st.text(' ,()[]\'"\\#=aé1', min_size=1, max_size=6).filter(str.strip),
    min_size=1,
    max_size=3,
)


@given(names=NAMES)
@example(names=["men's", 'a,b', '[x]', ' y'])
def test_names_that_are_written_are_read_as_they_were(names):
    if any("'" in name and '"' in name for name in names):
        # They need both kinds of quotes.
        return
    (word,) = shlex.split(write_names(names))
    assert parse_names(word.removeprefix('classes=')) == names


def test_lists_in_lists():
    assert parse_options(('a=[[1,2],(3,None)]', 'b=[x,"y,z"]')) == {
        'a': [[1, 2], (3, None)],
        'b': ['x', 'y,z'],
    }


def test_brackets_that_do_not_match():
    with pytest.raises(UsageError, match='do not match'):
        parse_options(('a=[[1,2]',))


@pytest.mark.parametrize(
    ('config', 'options', 'said'),
    [
        (DETECTOR, {'classes': ['a', 'b', 'a']}, "'a' is there twice"),
        (DETECTOR, {'classes': ['a', '']}, 'one is empty'),
        (DETECTOR, {'max_epochs': 0}, 'max_epochs must be a whole number from 1 on'),
        (
            DETECTOR,
            {'channels': 64},
            'channels is a variable of the config file, which has been used; set '
            'model.neck.out_channels',
        ),
        (CLASSIFIER, {'model.head.num_clases': 3}, 'did you mean num_classes?'),
    ],
)
def test_values_that_cannot_be_meant(config, options, said):
    with pytest.raises(ConfigError) as error:
        load_config(str(config), options)
    assert said in str(error.value)


def test_class_names_from_a_file(tmp_path):
    path = tmp_path / 'names.txt'
    path.write_text('cat\n\ntraffic light \n')
    cfg = load_config(str(DETECTOR), {'classes': str(path)})
    assert cfg.train_dataloader.dataset.metainfo.classes == ('cat', 'traffic light')
    assert cfg.model.roi_head.bbox_head.num_classes == 2


@pytest.mark.parametrize(
    ('typed', 'value'),
    [
        # As OpenMMLab's pages write lists.
        ('"[1,2]"', [1, 2]),
        ('"(1,2)"', (1, 2)),
        ('1,2', [1, 2]),
        ('[]', []),
        ('"a b"', 'a b'),
    ],
)
def test_lists_as_they_are_typed(typed, value):
    assert parse_options((f'a={typed}',)) == {'a': value}


@pytest.mark.parametrize('typed', ['"[cat, traffic light]"', 'cat,traffic light'])
def test_class_names_as_they_are_typed(typed):
    assert parse_options((f'classes={typed}',)) == {'classes': ['cat', 'traffic light']}


def test_a_tuple_stays_one():
    cfg = load_config(str(CUSTOM), {'image_scale': [64, 48]})
    assert cfg.train_dataloader.dataset.pipeline[2].scale == (64, 48)
