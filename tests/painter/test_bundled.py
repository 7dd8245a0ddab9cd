"""The bundled painters, on photos that they were not trained on."""

import re
from pathlib import Path

import matplotlib
import pytest
from keras import ops

from helpers import (
    STYLE_LAYERS,
    bundled_image,
    bundled_painters,
    feature_model,
    load_image,
    load_painter,
    paint,
    preprocess,
    style_loss,
)
from helpers.files.bundled import PAINTERS
from helpers.weights import weights_checksum

UNSEEN = [Path(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg"), "brick", "grass"]
SIZE = 128
FRACTION = 0.6
"""A painted photo has at most this part of the style loss of the photo itself."""


def style_loss_of(image, style):
    see = feature_model(STYLE_LAYERS, normalized=True)
    return float(style_loss(see(preprocess(image)), see(preprocess(style))))


def test_there_are_two_each_half_a_megabyte_at_most():
    assert bundled_painters() == ["great_wave", "village_street_in_auvers"]
    assert all(path.stat().st_size <= 500_000 for path in PAINTERS.iterdir())


@pytest.mark.parametrize("name", bundled_painters())
def test_the_style_loss_of_unseen_photos_falls(name):
    style = load_image(name, size=SIZE)
    for source in UNSEEN:
        photo = load_image(source, SIZE)
        assert style_loss_of(paint(photo, name), style) < FRACTION * style_loss_of(photo, style)


@pytest.mark.parametrize("name", bundled_painters())
def test_a_larger_beta_gives_more_style_and_less_content(name):
    style, photo = load_image(name, size=SIZE), load_image(UNSEEN[0], SIZE)
    see = feature_model("block4_conv2", normalized=True)
    losses = []
    for weight in (5, 50, 500):
        painted = paint(photo, name, style_weight=weight)
        change = see(preprocess(painted))["block4_conv2"] - see(preprocess(photo))["block4_conv2"]
        losses.append((style_loss_of(painted, style), float(ops.mean(ops.square(change)))))
    style_losses, content_losses = zip(*losses, strict=True)
    assert list(style_losses) == sorted(style_losses, reverse=True)
    assert list(content_losses) == sorted(content_losses)


@pytest.mark.parametrize("name", bundled_painters())
def test_a_painter_says_how_it_was_trained_and_is_credited(name):
    settings = load_painter(name).settings
    assert settings["recipe"] == "train_painter"
    assert settings["steps_taken"] == settings["steps"]
    assert bundled_image(name).is_file()
    text = (PAINTERS.parent / "CREDITS.md").read_text(encoding="utf-8")
    credited = dict(re.findall(r"^\| `(\S+)\.npz` \|.*`([0-9a-f]{64})` \|$", text, re.M))
    assert weights_checksum(str(PAINTERS / f"{name}.npz")) == credited[name]
