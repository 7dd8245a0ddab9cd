import json

import numpy as np
import pytest

from helpers import (
    Result,
    bundled_image,
    load_image,
    read_settings,
    recipes,
    reconstruct,
    synthesize_texture,
    transfer,
)
from helpers.vgg import MEAN_ACTIVATIONS

QUIET = {"progress": False, "weights": "bundled"}


@pytest.fixture(scope="module")
def result(photo, painting):
    return transfer(photo, painting, steps=12, **QUIET)


def test_the_loss_falls(result, photo, painting):
    runs = [
        result,
        reconstruct(photo, "conv2_1", steps=12, **QUIET),
        synthesize_texture(painting, ["conv1_1", "conv2_1"], steps=12, **QUIET),
        transfer(photo, painting, steps=12, optimizer="adam", **QUIET),
    ]
    for run in runs:
        assert run.history[-1]["total"] < 0.7 * run.history[0]["total"]


def test_a_result_holds_what_a_reader_needs(result, photo):
    assert isinstance(result, Result)
    assert result.image.shape == photo.shape
    assert result.image.dtype == np.uint8
    assert len(result.history) == 12
    for record in result.history:
        assert set(record) == {"step", "evaluations", "seconds", "size", "total", "content", "style"}
        expected = record["content"] + 50 * record["style"]
        assert record["total"] == pytest.approx(expected, rel=1e-4)
    assert json.loads(json.dumps(result.settings)) == result.settings
    assert result.settings["recipe"] == "transfer"
    assert result.settings["weights"]["name"] == "bundled"
    assert len(result.settings["weights"]["sha256"]) == 64
    assert result.settings["steps_taken"] == 12


def test_the_same_seed_gives_the_same_picture(photo, painting):
    runs = [transfer(photo, painting, start="noise", steps=4, seed=seed, **QUIET) for seed in (1, 1, 2)]
    difference = np.abs(runs[0].image.astype(float) - runs[1].image)
    assert difference.max() <= 2
    assert np.abs(runs[0].image.astype(float) - runs[2].image).mean() > 5


def test_a_saved_pictures_settings_repeat_the_run(tmp_path):
    first = transfer("temple", bundled_image("great_wave"), size=32, steps=4, **QUIET)
    path = first.save(tmp_path / "picture.png")
    settings = read_settings(path)
    again = getattr(recipes, settings["recipe"])(**settings["arguments"], progress=False)
    assert np.abs(again.image.astype(float) - load_image(path)).max() <= 2
    assert again.settings == first.settings


def test_settings_name_bundled_pictures_and_no_folder_of_this_machine():
    result = transfer(bundled_image("temple"), "great_wave", size=32, steps=1, **QUIET)
    assert result.settings["arguments"]["photo"] == "temple"
    assert str(bundled_image("temple").parent) not in json.dumps(result.settings)


def test_pictures_given_as_bytes_and_open_files_are_read_once(tmp_path, photo):
    path = bundled_image("great_wave")
    with path.open("rb") as file:
        result = transfer(photo, file, steps=1, **QUIET)
    again = transfer(photo, path.read_bytes(), steps=1, **QUIET)
    assert result.settings["inputs"] == again.settings["inputs"]
    assert result.settings["arguments"]["painting"] == {"given_as": "BufferedReader"}


def test_a_result_saved_as_jpeg_has_no_settings(result, tmp_path):
    path = result.save(tmp_path / "picture.jpg")
    assert np.abs(load_image(path) - result.image).mean() < 8


@pytest.mark.parametrize("start", ["photo", "painting", "noise", np.full((20, 50, 3), 90, np.uint8)])
def test_a_transfer_starts_from_what_is_asked(photo, painting, start):
    images = []
    transfer(
        photo,
        painting,
        start=start,
        steps=1,
        optimizer="adam",
        callback=lambda record, image: images.append(image().astype(float)),
        **QUIET,
    )
    # One step of Adam moves each colour by at most its learning rate of five grey levels.
    expected = {
        "photo": photo,
        "painting": recipes._cover(load_image(painting, size=32), *photo.shape[:2]),
        "noise": recipes.white_noise(*photo.shape[:2], seed=0),
    }.get(start if isinstance(start, str) else "", np.full(photo.shape, 90.0))
    assert np.abs(images[0] - expected).max() < 6


def test_a_painting_of_another_size_and_shape_fits(photo):
    tall = load_image("great_wave", size=30).transpose(1, 0, 2)
    large = load_image("great_wave", size=64)
    for painting in (tall, large):
        result = transfer(photo, painting, steps=1, **QUIET)
        assert result.image.shape == photo.shape
    assert result.settings["inputs"]["painting"]["height"] == 32


def test_size_sets_the_shorter_side_of_the_result():
    assert transfer("temple", "great_wave", size=24, steps=1, **QUIET).image.shape == (24, 36, 3)
    assert reconstruct("cat", "conv1_1", size=20, steps=1, **QUIET).image.shape[0] == 20


@pytest.mark.parametrize("size", [40, (20, 48), None])
def test_a_texture_has_any_size(painting, size):
    result = synthesize_texture(painting, "conv2_1", size=size, steps=1, **QUIET)
    assert result.image.shape[:2] == {40: (40, 40), None: painting.shape[:2]}.get(size, size)


def test_equation_1_as_printed_grows_with_the_number_of_entries(photo, painting):
    sums, means = (
        transfer(
            photo, painting, content_per_entry=per_entry, style_weight=0, start="noise", steps=1, **QUIET
        )
        for per_entry in (False, True)
    )
    entries = (photo.shape[0] // 8) * (photo.shape[1] // 8) * 512
    ratio = sums.history[0]["content"] / means.history[0]["content"]
    assert ratio == pytest.approx(entries, rel=0.05)


def test_layer_weights_choose_what_counts(photo, painting):
    layers = ["conv1_1", "conv2_1"]
    run = {"style_layers": layers, "content_weight": 0, "start": "noise", "steps": 1, **QUIET}
    only_first = transfer(photo, painting, layer_weights={"conv1_1": 1.0, "conv2_1": 0.0}, **run)
    alone = transfer(photo, painting, **{**run, "style_layers": ["conv1_1"]})
    assert only_first.history[0]["style"] == pytest.approx(alone.history[0]["style"], rel=1e-3)


def test_coarse_to_fine_ends_at_the_full_size(photo, painting):
    result = transfer(photo, painting, scales=2, steps=5, **QUIET)
    assert [record["size"] for record in result.history] == [16, 16, 32, 32, 32]
    assert result.image.shape == photo.shape


def test_a_transfer_from_the_photo_without_style_keeps_the_photo(photo, painting):
    result = transfer(photo, painting, style_weight=0, steps=3, **QUIET)
    assert np.abs(result.image - photo).max() <= 1
    assert [record["step"] for record in result.history] == [0]


def test_the_callback_can_end_a_run(photo, painting):
    def enough(record, image):
        if record["step"] == 2:
            raise StopIteration

    result = transfer(photo, painting, steps=30, callback=enough, **QUIET)
    assert len(result.history) == 2
    assert result.settings["steps_taken"] == 2


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"photo": "nowhere.jpg"}, FileNotFoundError, "nowhere.jpg"),
        ({"painting": "nowhere"}, FileNotFoundError, "nowhere"),
        ({"start": "nosie"}, FileNotFoundError, "'noise', 'photo', 'painting'"),
        ({"content_layer": "conv4_9"}, ValueError, "conv4_9"),
        ({"style_layers": []}, ValueError, "at least one layer"),
        ({"layer_weights": {"conv1_1": 1.0}}, ValueError, "weights name the layers"),
        ({"size": 8}, ValueError, "shorter side needs 16 for these layers."),
        ({"scales": 3}, ValueError, "needs 64 for these layers at 3 scales"),
        ({"size": 32.5}, ValueError, "32.5"),
        ({"steps": 1.5}, ValueError, "1.5"),
        ({"seed": -1, "start": "noise"}, ValueError, "0 or more, not -1"),
        ({"weights": MEAN_ACTIVATIONS}, ValueError, "does not hold the weights"),
        ({"optimizer": "sgd"}, ValueError, "sgd"),
        ({"scales": 0}, ValueError, "at least 1 size"),
        ({"style_weight": -1.0}, ValueError, "1 and -1"),
        ({"style_weight": 0, "content_weight": 0}, ValueError, "not both 0"),
        ({"content_weight": float("nan")}, ValueError, "nan and 50"),
        ({"steps": 0}, ValueError, "at least 1 step"),
        ({"weights": "imagnet"}, ValueError, "imagnet"),
        ({"pooling": "median"}, ValueError, "median"),
    ],
)
def test_settings_that_do_not_fit_are_named(photo, painting, arguments, error, words):
    run = {"photo": photo, "painting": painting, "steps": 1, **QUIET, **arguments}
    with pytest.raises(error, match=words):
        transfer(**run)
