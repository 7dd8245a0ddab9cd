"""Presets in files, and runs repeated from the settings inside a picture."""

import json

import numpy as np
import pytest

from helpers import (
    PRESETS,
    CourseError,
    again,
    load_image,
    load_preset,
    reconstruct,
    save_image,
    save_preset,
    transfer,
)

TINY = {"size": 32, "steps": 2, "weights": "bundled", "progress": False, "precision": "float32"}


def test_a_preset_is_saved_and_loaded(tmp_path):
    arguments = {"size": 96, "steps": 12, "blend": [1, 0.5], "terms": {"total variation": 0.01}}
    path = save_preset(tmp_path / "mine.json", **arguments)
    assert load_preset(path) == arguments
    assert load_preset("quick") == dict(PRESETS["quick"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON object"),
        ("[1]", "no JSON object"),
        ('{"sise": 3}', "transfer takes no 'sise'; near are size"),
        ('{"photo": "cat"}', "photo has no place in it"),
    ],
)
def test_a_file_that_is_no_preset_is_refused(tmp_path, text, said):
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        load_preset(path)


def test_presets_that_are_not_there_or_cannot_be_written(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        load_preset(tmp_path / "mine.json")
    with pytest.raises(ValueError, match=r"quick, balanced, fine or a file ending in \.json, not swift"):
        load_preset("swift")
    with pytest.raises(ValueError, match="numbers, texts and lists"):
        save_preset(tmp_path / "mine.json", start=np.zeros((3, 3)))
    assert not list(tmp_path.iterdir())


def test_a_picture_is_made_again(tmp_path):
    path = transfer("cat", "great_wave", seed=3, start="noise", **TINY).save(tmp_path / "first.png")
    repeated = again(path, progress=False)
    assert np.abs(repeated.image.astype(int) - load_image(path)).max() <= 1
    assert again(path, steps=1, progress=False).settings["steps_taken"] == 1


def test_a_reconstruction_is_made_again(tmp_path):
    path = reconstruct("cat", "conv2_1", **TINY).save(tmp_path / "first.png")
    assert again(path, progress=False).settings["recipe"] == "reconstruct"


def test_what_cannot_be_made_again_says_why(tmp_path):
    given = transfer(load_image("cat", 32), "great_wave", **TINY).save(tmp_path / "given.png")
    with pytest.raises(ValueError, match="made from a photo given as ndarray"):
        again(given)
    assert again(given, photo=load_image("cat", 32), progress=False).image.shape[0] == 32
    plain = save_image(np.zeros((4, 4, 3)), tmp_path / "plain.png")
    with pytest.raises(ValueError, match="carries no settings"):
        again(plain)
    other = save_image(np.zeros((4, 4, 3)), tmp_path / "other.png", {"recipe": "soup"})
    with pytest.raises(ValueError, match="not those of a run of this course"):
        again(other)


def test_a_changed_photo_is_noticed(tmp_path):
    photo = tmp_path / "photo.png"
    save_image(load_image("cat", 40), photo)
    path = transfer(photo, "great_wave", **TINY).save(tmp_path / "first.png")
    save_image(load_image("coffee", 40), photo)
    with pytest.raises(ValueError, match="photo is not the picture any more"):
        again(path, progress=False)


def test_settings_are_json(tmp_path):
    result = transfer("cat", ["great_wave", "summertime"], blend=(2, 1), **TINY)
    assert json.loads(json.dumps(result.settings))["arguments"]["painting"] == ["great_wave", "summertime"]


HOSTILE = [
    {},
    {"recipe": "transfer"},
    {"recipe": ["transfer"], "arguments": {}, "inputs": {}},
    {"recipe": "__import__", "arguments": {}, "inputs": {}},
    {"recipe": "transfer", "arguments": [1], "inputs": {}},
    {"recipe": "transfer", "arguments": {}, "inputs": [1]},
    {"recipe": "transfer", "arguments": {}, "inputs": {"photo": 3}},
    {"recipe": "transfer", "arguments": {}, "inputs": {"photo": {"width": "x", "height": 3}}},
    {"recipe": "transfer", "arguments": {"photo": "cat"}, "inputs": {"photo": {"width": 9, "height": 9}}},
    {"recipe": "transfer", "arguments": {"photo": 3, "painting": None}, "inputs": {}},
    {"recipe": "transfer", "arguments": {"photo": "cat", "painting": ["cat", 7], "steps": 1}, "inputs": {}},
    {"recipe": "transfer", "arguments": {"photo": "cat", "painting": "cat", "steps": "many"}, "inputs": {}},
    {"recipe": "transfer", "arguments": {"photo": "cat", "painting": "cat", "exec": "rm"}, "inputs": {}},
    {
        "recipe": "transfer",
        "arguments": {"photo": "cat", "painting": "cat", "terms": {"x": []}},
        "inputs": {},
    },
    {"recipe": "transfer", "arguments": {"photo": "cat", "painting": "cat", "start": {"a": 1}}, "inputs": {}},
    {"recipe": "transfer", "arguments": {"photo": "cat", "painting": "cat", "masks": [3]}, "inputs": {}},
    {"recipe": "transfer", "arguments": {"photo": "cat"}, "inputs": {}},
]


@pytest.mark.parametrize("settings", HOSTILE, ids=range(len(HOSTILE)))
def test_settings_made_up_by_someone_else_are_refused_in_a_sentence(settings, tmp_path):
    path = save_image(np.zeros((8, 8, 3)), tmp_path / "made_up.png", settings)
    with pytest.raises(CourseError) as refused:
        again(path)
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)


def test_a_picture_from_elsewhere_does_not_say_which_files_are_written(tmp_path):
    precious = tmp_path / "precious.txt"
    precious.write_text("precious")
    arguments = {"photo": "cat", "painting": "great_wave", "size": 24, "steps": 1, "weights": "bundled"}
    arguments |= {"checkpoint": str(precious), "checkpoint_every": 0, "progress": False}
    settings = {"recipe": "transfer", "arguments": arguments, "inputs": {}}
    path = save_image(np.zeros((8, 8, 3)), tmp_path / "made_up.png", settings)
    again(path, progress=False)
    assert precious.read_text() == "precious"
