"""python -m loma_mm play: what it draws, and the page in a real browser."""

import importlib.util
import shutil
import socket

import cv2
import numpy as np
import pytest
from mmengine.registry import TRANSFORMS

from loma_mm.commands import play
from loma_mm.datasets import LocalMagnification
from loma_mm.errors import SetupError
from loma_mm.functional import MagnificationRegion, magnify_boxes, magnify_image
from loma_mm.visualization import playground
from tests.helpers import DETECTOR, parse


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / 'photo.png'
    rng = np.random.default_rng(0)
    cv2.imwrite(str(path), rng.integers(0, 255, (90, 120, 3), np.uint8))
    return path


@pytest.fixture
def picture(photo):
    return play.read_picture(photo)


@pytest.mark.parametrize('labels', ['keep', 'warp'])
@pytest.mark.parametrize('interpolation', ['nearest', 'bilinear'])
def test_a_pasted_line_gives_the_settings(labels, interpolation):
    there = LocalMagnification(
        0.25, 'ellipse', (0.1, 0.31), (1.6, 1.6), interpolation, labels
    )
    line = playground.config_line(there)
    assert line.startswith("dict(type='loma_mm.LocalMagnification', prob=0.25, ")
    assert repr(TRANSFORMS.build(eval(line))) == repr(there)


def test_a_region_is_the_one_of_the_sliders(picture):
    region = playground.one_region('ellipse', 0.25, 2.0, 'y', (0.5, 1.0))
    assert region.at(90, 120) == MagnificationRegion(
        (60, 89), 0.25 * 120, (1.0, 2.0), 'ellipse'
    )


@pytest.mark.parametrize('labels', ['keep', 'warp'])
def test_the_picture_shows_what_the_functions_make(picture, labels, monkeypatch):
    shown = []
    monkeypatch.setattr(
        playground,
        'with_boxes',
        lambda img, boxes: shown.append((img, boxes)) or img,
    )
    region = playground.one_region('rhombus', 0.3, 1.5, 'x', (0.4, 0.4))
    drawn = playground.draw_region(picture, region, 'bilinear', labels)
    assert drawn.ndim == 3
    assert drawn.std() > 10
    there = MagnificationRegion((48, 36), 0.3 * 120, (1.5, 1.0))
    boxes, kept = magnify_boxes(picture.boxes, there, 90, 120)
    expected = picture.boxes if labels == 'keep' else boxes[kept]
    (before, old), (after, new) = shown
    assert (before == picture.image).all()
    assert (old == picture.boxes).all()
    assert (after == magnify_image(picture.image, there, 'bilinear')).all()
    np.testing.assert_allclose(new, expected)
    assert labels == 'keep' or (new != old).any()


def test_boxes_are_drawn_around_their_pixels():
    img = np.zeros((20, 20, 3), np.uint8)
    changed = playground.with_boxes(img, np.array([[5.0, 6, 15, 12]])).any(2)
    y, x = np.nonzero(changed)
    # Two pixels thick, half of it outside.
    assert 4 <= x.min() <= 5 and 14 <= x.max() <= 15
    assert 5 <= y.min() <= 6 and 11 <= y.max() <= 12
    assert not img.any()
    assert not playground.with_boxes(img, np.zeros((0, 4))).any()


def test_random_draws_are_those_of_the_transform(picture):
    never = playground.draw_page([picture], LocalMagnification(0.0), 0, number=4)
    always = playground.draw_page([picture], LocalMagnification(1.0), 0, number=4)
    again = playground.draw_page([picture], LocalMagnification(1.0), 0, number=4)
    other = playground.draw_page([picture], LocalMagnification(1.0), 1, number=4)
    assert (never[1], always[1]) == (0, 4)
    assert (always[0] == again[0]).all()
    assert (always[0] != other[0]).any()
    assert (always[0] != never[0]).any()


def test_images_are_made_to_fit_and_their_boxes_with_them():
    large = playground.Picture(
        'a', np.zeros((500, 1280, 3), np.uint8), np.array([[0, 0, 1280, 500.0]])
    )
    small = large.fit()
    assert small.image.shape == (250, 640, 3)
    np.testing.assert_allclose(small.boxes, [[0, 0, 640, 250]])
    assert small.fit() is small


def test_a_config_gives_its_samples_with_their_boxes(digits):
    args = parse(
        play,
        '--config',
        DETECTOR,
        '--index',
        3,
        '--cfg-options',
        f'data_root={digits}/',
    )
    (picture,) = play.load_pictures(args)
    assert picture.image.shape == (160, 160, 3)
    assert len(picture.boxes)
    assert (picture.boxes[:, 2:] > picture.boxes[:, :2]).all()


@pytest.mark.parametrize(
    'words, said',
    [
        (['photo.txt'], 'photo.txt cannot be read as an image: '),
        (['empty.jpg'], 'empty.jpg cannot be read as an image: '),
        (['no.jpg'], 'there is no file'),
        (['photo.txt', '--config', 'a.py'], 'not from both'),
        (['--index', '2'], '--index names samples of --config'),
    ],
)
def test_what_is_no_image_is_a_sentence(words, said, call, tmp_path, monkeypatch):
    monkeypatch.setattr(play.importlib.util, 'find_spec', lambda name: True)
    (tmp_path / 'photo.txt').write_text('no image')
    (tmp_path / 'empty.jpg').touch()
    words = [
        tmp_path / word if '.' in word and word != 'a.py' else word for word in words
    ]
    done = call('play', *words)
    assert done.code in (1, 2)
    assert said in done.err
    assert 'Traceback' not in done.err


def test_without_gradio_it_says_what_to_install(call, monkeypatch):
    monkeypatch.setattr(play.importlib.util, 'find_spec', lambda name: None)
    done = call('play')
    assert (done.code, done.out) == (1, '')
    assert (
        done.err == 'play needs gradio, which is not installed: pip install gradio.\n'
    )


# What follows needs gradio.


def served(photo, *words):
    pytest.importorskip('gradio')
    args = parse(play, photo, '--no-browser', *words)
    return play.start(play.load_pictures(args), args)


def test_it_is_served_to_this_machine_alone(photo):
    page = served(photo)
    try:
        assert page.local_url.startswith('http://127.0.0.1:')
        assert page.share_url is None
        port = int(page.local_url.rstrip('/').rsplit(':', 1)[1])
        with pytest.raises(SetupError, match='cannot be served at 127.0.0.1:'):
            served(photo, '--port', port)
        # The machine's other addresses, if any, do not answer.
        for *_, (address, *_) in socket.getaddrinfo(
            socket.gethostname(), port, socket.AF_INET, socket.SOCK_STREAM
        ):
            if not address.startswith('127.'):
                with pytest.raises(OSError):
                    socket.create_connection((address, port), 2).close()
    finally:
        page.close()


def test_what_the_page_calls(photo, picture, tmp_path):
    gr = pytest.importorskip('gradio')
    from loma_mm.commands import play_page

    _, line = play_page.show_region(
        [picture], 0, 'rectangle', 'nearest', 'warp', 0.5, 0.5, 0.2, 1.5, 'x'
    )
    built = TRANSFORMS.build(eval(line))
    assert built.sampler.radius_range == (0.2, 0.2)
    assert (built.sampler.shape, built.labels) == ('rectangle', 'warp')
    _, line, count = play_page.show_draws(
        [picture], 'ellipse', 'nearest', 'keep', 0.5, 0.1, 0.3, 1, 2, 0
    )
    assert eval(line)['radius_range'] == (0.1, 0.3)
    assert count.startswith('LOMA touched ')
    with pytest.raises(gr.Error, match='radius_range must be two finite numbers'):
        play_page.show_draws(
            [picture], 'ellipse', 'nearest', 'keep', 0.5, 0.4, 0.3, 1, 2, 0
        )
    pictures, _ = play_page.upload([picture], photo)
    assert [one.name for one in pictures] == ['photo.png', 'photo.png']
    broken = tmp_path / 'broken.jpg'
    broken.write_bytes(b'\xff\xd8\xff no more')
    with pytest.raises(gr.Error, match='broken.jpg cannot be read as an image'):
        play_page.upload([picture], broken)


@pytest.fixture
def browser():
    if not importlib.util.find_spec('selenium') or not shutil.which('chromedriver'):
        pytest.skip('needs selenium, chromium and its driver')
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for word in ('--headless=new', '--no-sandbox', '--window-size=1400,1300'):
        options.add_argument(word)
    driver = webdriver.Chrome(
        options, webdriver.ChromeService(shutil.which('chromedriver'))
    )
    yield driver
    driver.quit()


def test_in_a_browser(photo, browser, tmp_path):
    """A slider moves the picture and the line; a broken upload is a sentence."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    def source():
        (img,) = browser.find_elements(By.CSS_SELECTOR, 'img[src*="/file="]') or [None]
        return img.get_attribute('src') if img and img.is_displayed() else ''

    def line():
        (code,) = [
            one.text
            for one in browser.find_elements(By.CLASS_NAME, 'cm-content')
            if one.is_displayed()
        ] or ['']
        return code

    page = served(photo)
    try:
        browser.get(page.local_url)
        wait = WebDriverWait(browser, 30, ignored_exceptions=[Exception])
        wait.until(lambda _: source() and line())
        before, first = source(), line()
        assert eval(first)['radius_range'] == (0.31, 0.31)
        (slider,) = browser.find_elements(
            By.CSS_SELECTOR, 'input[type=range][aria-label*="radius r"]'
        )
        for _ in range(4):
            slider.send_keys(Keys.ARROW_RIGHT)
        wait.until(lambda _: eval(line())['radius_range'] == (0.35, 0.35))
        wait.until(lambda _: source() != before)
        broken = tmp_path / 'broken.png'
        broken.write_text('no image')
        browser.find_element(By.CSS_SELECTOR, 'input[type=file]').send_keys(str(broken))
        said = 'broken.png cannot be read as an image'
        wait.until(lambda _: said in browser.find_element(By.TAG_NAME, 'body').text)
    finally:
        page.close()
