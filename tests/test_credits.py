"""Every bundled picture is credited, and is the file that the credits describe."""

import hashlib
import json
import re
from pathlib import Path

from PIL import Image

from helpers import STYLE_LAYERS, layer_name, read_settings
from helpers.files.bundled import lesson_files
from helpers.options import GROUPS
from helpers.settings import current_settings
from helpers.tools.covers import SIZE
from helpers.tools.parser import given, parse

IMAGES = Path(__file__).parent.parent / "images"


def test_every_picture_is_credited_with_its_checksum():
    text = (IMAGES / "CREDITS.md").read_text(encoding="utf-8")
    credited = dict(re.findall(r"^\| `(\S+)` \|.*`([0-9a-f]{64})` \|$", text, re.M))
    files = [path for kind in ("content", "style", "texture", "mask") for path in (IMAGES / kind).iterdir()]
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files} == credited


def test_the_sliders_say_what_the_settings_of_their_pictures_say():
    sweeps = sorted((IMAGES / "results" / "sweeps").glob("*.png"))
    assert len(sweeps) >= 17
    for path in sweeps:
        arguments = current_settings(read_settings(path))["arguments"]
        weight, count, scale = re.fullmatch(
            r"weight_(\d+)_layers_(\d)|stroke_size_([\d.]+)", path.stem
        ).groups()
        if scale:
            assert arguments["style_scale"] == float(scale)
        else:
            assert arguments["style_weight"] == float(weight)
            assert arguments["style_layers"] == list(STYLE_LAYERS[: int(count)])
        assert min(Image.open(path).size) == 160


def test_every_result_is_shown_and_carries_the_settings_of_its_run():
    documents = (IMAGES.parent / "README.md", *(IMAGES.parent / "docs").glob("*.md"))
    texts = "".join(path.read_text(encoding="utf-8") for path in documents)
    shown = set(re.findall(r"images/results/(\w+\.png)", texts))
    pictures = list((IMAGES / "results").glob("*.png"))
    assert shown == {path.name for path in pictures}
    for path in (IMAGES / "results").rglob("*.png"):
        settings = current_settings(read_settings(path))
        assert settings["recipe"] in ("transfer", "reconstruct", "synthesize_texture")
        assert settings["steps_taken"] == settings["arguments"]["steps"]
        assert settings["arguments"]["network"]["weights"] == "bundled"


def test_every_lesson_has_a_cover_that_loads_at_once():
    covers = {path.stem: path for path in (IMAGES / "lessons").glob("*.jpg")}
    assert set(covers) == {path.stem for path in lesson_files()}
    for path in covers.values():
        assert path.stat().st_size <= 60 * 1024, path
        assert Image.open(path).size == SIZE, path


def test_the_showcase_is_large_and_no_result_is_flat():
    large = sorted((IMAGES / "results").glob("*_large*.png"))
    assert [path.stem.split("_")[0] for path in large] == ["texture", "transfer", "transfer"]
    assert min(max(Image.open(path).size) for path in large) >= 1024
    for path in (IMAGES / "results").glob("*.png"):
        extrema = Image.open(path).convert("RGB").getextrema()
        assert all(high - low > 150 for low, high in extrema), path


def arguments_of(path):
    """The arguments of a run; those in groups stand beside the others, as on the command line."""
    arguments = read_settings(path)["arguments"]
    return arguments | {name: value for group in GROUPS for name, value in arguments.get(group, {}).items()}


def is_part_of(wanted, run):
    return all(run.get(name) == value for name, value in wanted.items())


def test_the_commands_beside_the_results_are_those_of_their_runs():
    text = (IMAGES.parent / "docs" / "pictures.md").read_text(encoding="utf-8")
    commands = re.findall(r"`((?:transfer|reconstruct|texture) [^`]*)`", text)
    runs = [arguments_of(path) for path in (IMAGES / "results").rglob("*.png")]
    assert len(commands) >= 8
    for command in commands:
        options = parse(command.split())
        wanted = given(options)
        for name in {"layer", "layers"} & wanted.keys():
            value = wanted[name]
            wanted[name] = layer_name(value) if name == "layer" else [layer_name(layer) for layer in value]
        if options.command == "transfer":
            style = options.styles[0] if len(options.styles) == 1 else options.styles
            wanted |= {"content": options.content, "style": style}
        else:
            wanted |= {"image": options.picture}
        if options.command == "texture":
            wanted["size"] = [wanted["size"]] * 2
        assert any(is_part_of(wanted, run) for run in runs), command
    for call in re.findall(r"`synthesize_texture(\([^`]*\))`", text):
        (image,), wanted = eval(f"(lambda *given, **named: (given, named)){call}")
        assert any(is_part_of({"image": image, **json.loads(json.dumps(wanted))}, run) for run in runs), call
