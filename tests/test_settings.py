"""Presets in files, and runs repeated from the settings inside a picture."""

import json

import numpy as np
import pytest

from helpers import (
    PRESETS,
    CourseError,
    Losses,
    Network,
    Run,
    again,
    load_image,
    load_preset,
    reconstruct,
    save_image,
    save_preset,
    transfer,
)
from helpers.options import merged

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
        ('{"sise": 3}', "an unexpected keyword argument 'sise'"),
        ('{"content": "cat"}', "it cannot hold content"),
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
    path = transfer("cat", "great_wave", **merged({"seed": 3, "start": "noise"}, TINY)).save(
        tmp_path / "first.png"
    )
    repeated = again(path, progress=False)
    assert np.abs(repeated.image.astype(int) - load_image(path)).max() <= 1
    assert again(path, steps=1, progress=False).settings["steps_taken"] == 1


def test_a_reconstruction_is_made_again(tmp_path):
    path = reconstruct("cat", "conv2_1", **merged(TINY)).save(tmp_path / "first.png")
    assert again(path, progress=False).settings["recipe"] == "reconstruct"


def test_what_cannot_be_made_again_says_why(tmp_path):
    given = transfer(load_image("cat", 32), "great_wave", **merged(TINY)).save(tmp_path / "given.png")
    with pytest.raises(ValueError, match="The content is not stored in"):
        again(given)
    assert again(given, content=load_image("cat", 32), progress=False).image.shape[0] == 32
    plain = save_image(np.zeros((4, 4, 3)), tmp_path / "plain.png")
    with pytest.raises(ValueError, match="carries no settings"):
        again(plain)
    other = save_image(np.zeros((4, 4, 3)), tmp_path / "other.png", {"recipe": "soup"})
    with pytest.raises(ValueError, match="not those of a run of this course"):
        again(other)


def test_a_changed_photo_is_noticed(tmp_path):
    photo = tmp_path / "photo.png"
    save_image(load_image("cat", 40), photo)
    path = transfer(photo, "great_wave", **merged(TINY)).save(tmp_path / "first.png")
    save_image(load_image("coffee", 40), photo)
    with pytest.raises(ValueError, match="content is not the image any more"):
        again(path, progress=False)


def test_settings_are_json(tmp_path):
    result = transfer("cat", ["great_wave", "summertime"], **merged({"blend": (2, 1)}, TINY))
    assert json.loads(json.dumps(result.settings))["arguments"]["style"] == ["great_wave", "summertime"]


PAIR = {"content": "cat", "style": "cat"}
HOSTILE = [
    {},
    {"recipe": "transfer"},
    {"recipe": ["transfer"], "arguments": {}, "inputs": {}},
    {"recipe": "__import__", "arguments": {}, "inputs": {}},
    {"recipe": "transfer", "arguments": [1], "inputs": {}},
    {"recipe": "transfer", "arguments": {}, "inputs": [1]},
    {"recipe": "transfer", "arguments": {}, "inputs": {"content": 3}},
    {"recipe": "transfer", "arguments": {}, "inputs": {"content": {"width": "x", "height": 3}}},
    {"recipe": "transfer", "arguments": {"content": "cat"}, "inputs": {"content": {"width": 9, "height": 9}}},
    {"recipe": "transfer", "arguments": {"content": 3, "style": None}, "inputs": {}},
    {"recipe": "transfer", "arguments": {"content": "cat", "style": ["cat", 7], "steps": 1}, "inputs": {}},
    {"recipe": "transfer", "arguments": {"content": "cat", "style": "cat", "steps": "many"}, "inputs": {}},
    {"recipe": "transfer", "arguments": {"content": "cat", "style": "cat", "exec": "rm"}, "inputs": {}},
    {
        "recipe": "transfer",
        "arguments": {"content": "cat", "style": "cat", "terms": {"x": []}},
        "inputs": {},
    },
    {"recipe": "transfer", "arguments": {"content": "cat", "style": "cat", "start": {"a": 1}}, "inputs": {}},
    {"recipe": "transfer", "arguments": {"content": "cat", "style": "cat", "masks": [3]}, "inputs": {}},
    {"recipe": "transfer", "arguments": {"content": "cat"}, "inputs": {}},
    {"version": 2, "recipe": "transfer", "arguments": {**PAIR, "run": ["lbfgs"]}, "inputs": {}},
    {"version": 2, "recipe": "transfer", "arguments": {**PAIR, "run": {"scales": "all"}}, "inputs": {}},
    {"version": 2, "recipe": "transfer", "arguments": {**PAIR, "network": {"exec": "rm"}}, "inputs": {}},
    {"version": 2, "recipe": "transfer", "arguments": {**PAIR, "losses": 3}, "inputs": {}},
    {
        "version": 2,
        "recipe": "transfer",
        "arguments": {**PAIR, "losses": 3, "statistic": "gram"},
        "inputs": {},
    },
]


@pytest.mark.parametrize("settings", HOSTILE, ids=range(len(HOSTILE)))
def test_settings_made_up_by_someone_else_are_refused_in_a_sentence(settings, tmp_path):
    path = save_image(np.zeros((8, 8, 3)), tmp_path / "made_up.png", settings)
    with pytest.raises(CourseError) as refused:
        again(path)
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("version", [1, 2, "both"])
def test_a_picture_from_elsewhere_does_not_say_which_files_are_written(tmp_path, version):
    precious = tmp_path / "precious.txt"
    precious.write_text("precious")
    arguments = {"content": "cat", "style": "great_wave", "size": 24, "steps": 1}
    kept = {"checkpoint": str(precious), "checkpoint_every": 0, "resume": True, "progress": False}
    if version != 2:
        arguments |= kept
    if version != 1:
        arguments["run"] = kept
    settings = {"recipe": "transfer", "arguments": arguments, "inputs": {}}
    settings |= {} if version == 1 else {"version": 2}
    path = save_image(np.zeros((8, 8, 3)), tmp_path / "made_up.png", settings)
    again(path, run={"progress": False})
    assert precious.read_text() == "precious"


VERSION_1 = {
    "photo": "cat",
    "painting": ["great_wave", "summertime"],
    "size": 32,
    "content_weight": 1.0,
    "style_weight": 20.0,
    "content_layer": "block4_conv2",
    "style_layers": ["block1_conv1", "block2_conv1"],
    "layer_weights": 0.5,
    "content_per_entry": True,
    "statistic": "gram",
    "blend": [1, 3],
    "masks": None,
    "painting_masks": [None, None],
    "painting_scale": 1.5,
    "colours": "luminance",
    "terms": {"total variation": 0.001},
    "start": "painting",
    "steps": 2,
    "tolerance": None,
    "seed": 0,
    "scales": 1,
    "optimizer": "adam",
    "coordinates": "fourier",
    "weights": "bundled",
    "pooling": "max",
    "normalised": False,
    "precision": "float32",
    "memory": None,
    "deterministic": False,
}
"""The arguments of a transfer as the first version of the settings has them."""


def test_a_picture_of_the_first_version_is_made_again(tmp_path):
    result = transfer(
        "cat",
        ["great_wave", "summertime"],
        size=32,
        style_weight=20.0,
        style_layers=["conv1_1", "conv2_1"],
        blend=[1, 3],
        style_masks=[None, None],
        style_scale=1.5,
        colors="luma",
        terms={"total variation": 0.001},
        start="style",
        steps=2,
        losses=Losses(layer_weights=0.5),
        network=Network("bundled", "max", normalized=False, precision="float32"),
        run=Run(optimizer="adam", parametrization="cosine", scales=1, progress=False),
    )
    old_names = {"content": "photo", "style 1": "painting 1", "style 2": "painting 2"}
    inputs = {old_names[name]: noted for name, noted in result.settings["inputs"].items()}
    old = {**result.settings, "arguments": VERSION_1, "inputs": inputs, "history": result.history}
    del old["version"]
    repeated = again(save_image(result.image, tmp_path / "old.png", old), progress=False)
    assert np.abs(repeated.image.astype(int) - result.image).max() <= 1
    assert repeated.settings == result.settings


def test_a_preset_of_the_first_version_is_read(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"size": 96, "colours": "luminance", "scales": 1, "normalised": false}')
    wanted = {"size": 96, "colors": "luma", "run": {"scales": 1}, "network": {"normalized": False}}
    assert load_preset(path) == wanted
