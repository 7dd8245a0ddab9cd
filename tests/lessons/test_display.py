import re

import numpy as np
import pytest

from helpers import heatmap, plot_history, show_images, show_sliders, show_table


def record(step, size=32, total=1.0):
    return {"step": step, "evaluations": step, "seconds": 0.1 * step, "size": size, "total": total}


@pytest.fixture
def shown(monkeypatch):
    markup = []
    monkeypatch.setattr("IPython.display.display", lambda shown: markup.append(shown.data))
    return markup


def test_images_are_shown_with_titles_caption_and_alternative_text(shown):
    images = [np.zeros((2, 3, 3), np.uint8), np.full((2, 3, 3), 255.0)]
    show_images(images, ["a < b", "two"], caption="Two & more", alt="black and white")
    (markup,) = shown
    assert markup.count("<img") == 2
    assert "a &lt; b" in markup
    assert "Two &amp; more" in markup
    assert 'aria-label="black and white"' in markup
    with pytest.raises(ValueError, match="2 images and 1 titles"):
        show_images(images, ["one"])


def test_small_pictures_can_be_shown_pixel_by_pixel(shown):
    show_images([np.zeros((2, 2, 3), np.uint8)], alt="black")
    show_images([np.zeros((2, 2, 3), np.uint8)], alt="black", pixelated=True)
    assert ["pixelated" in markup for markup in shown] == [False, True]


def test_sliders_choose_one_of_the_images(shown):
    images = [np.full((4, 6, 3), level, np.uint8) for level in range(6)]
    show_sliders(images, {"β < α": [1, 10], "layers": "abc"}, start=(1, 2), alt="six")
    (markup,) = shown
    assert re.findall(r'alt="(β[^"]*)"', markup) == [
        f"β &lt; α = {beta}, layers = {layer}" for beta in (1, 10) for layer in "abc"
    ]
    assert re.findall(r"display:(block|none)", markup) == ["none"] * 5 + ["block"]
    assert re.findall(r'max="(\d)" step="1" value="(\d)"', markup) == [("1", "1"), ("2", "2")]
    assert re.findall(r"<output[^>]*>([^<]*)</output>", markup) == ["10", "c"]
    for wrong in ({}, {"one": range(5)}, {"one": range(2), "two": range(2)}):
        with pytest.raises(ValueError, match="6 images for"):
            show_sliders(images, wrong)
    for wrong in ((2, 0), (0,), (0, 0, 0), (-1, 0)):
        with pytest.raises(ValueError, match="start"):
            show_sliders(images, {"one": "ab", "two": "abc"}, start=wrong)


def test_a_heat_map_runs_from_black_to_light_and_a_signed_one_from_blue_to_red():
    picture = heatmap([[0.0, 5.0]])
    assert picture.shape == (1, 2, 3)
    assert picture[0, 0].max() < 10
    assert picture[0, 1].min() > 180
    negative, zero, positive = heatmap([[-2.0, 0.0, 2.0]], signed=True)[0].astype(int)
    assert negative[2] > negative[0]
    assert positive[0] > positive[2]
    assert zero.min() > 240
    assert not np.any(heatmap(np.zeros((2, 2))) - heatmap([[0.0, 1.0]])[0, 0])
    with pytest.raises(ValueError, match=r"\(1, 2, 2\)"):
        heatmap(np.zeros((1, 2, 2)))


def test_a_table_sets_numbers(shown):
    show_table(["layer", "numbers", "share"], [("a < b", 138357544, 1 / 3)], caption="Two & more")
    assert "a &lt; b" in shown[0]
    assert "138\N{NARROW NO-BREAK SPACE}357\N{NARROW NO-BREAK SPACE}544" in shown[0]
    assert "0.3333" in shown[0]
    assert "Two &amp; more" in shown[0]


def test_histories_are_plotted_with_alternative_text(shown):
    history = [record(1, 16, 9.0), record(2, 16, 4.0), record(3, 32, 6.0)]
    plot_history({"run": history}, caption="falls", alt="a falling curve")
    assert 'alt="a falling curve"' in shown[0]
    assert "<figcaption" in shown[0]
