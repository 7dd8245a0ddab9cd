"""The command line, by calling its main function on tiny pictures."""

import dataclasses
import inspect
import io
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import load_image, load_preset, read_settings, save_image, transfer
from helpers.options import GROUPS
from helpers.tools.command_line import main
from helpers.tools.parser import KEYWORDS, build_parser

ROOT = Path(__file__).parents[2]
TINY = ["--size", "24", "--steps", "2"]


def test_a_transfer_writes_a_picture_and_prints_its_path(tmp_path, capsys):
    path = tmp_path / "out.png"
    arguments = ["--style-weight", "30", "--start", "noise", "--seed", "3", "--optimizer", "adam"]
    assert main(["transfer", "cat", "great_wave", *TINY, *arguments, "--output", str(path)]) == 0
    assert capsys.readouterr().out.strip() == str(path)
    assert load_image(path).shape[0] == 24
    settings = read_settings(path)["arguments"]
    expected = {
        "content": "cat",
        "style": "great_wave",
        "size": 24,
        "steps": 2,
        "style_weight": 30.0,
        "start": "noise",
        "seed": 3,
    }
    assert {name: settings[name] for name in expected} == expected
    assert settings["run"]["optimizer"] == "adam"
    assert settings["network"]["weights"] == "bundled"


def test_each_picture_gets_a_new_name(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("helpers.tools.command_line.OUTPUT", tmp_path / "output")
    for _ in range(2):
        assert main(["transfer", "cat", "great_wave", *TINY]) == 0
    names = [Path(line).name for line in capsys.readouterr().out.split()]
    assert names == ["cat_great_wave.png", "cat_great_wave-2.png"]
    assert all((tmp_path / "output" / name).is_file() for name in names)


def test_a_preset_sets_size_and_steps_and_other_arguments_override_it(tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.settings.PRESETS", {"balanced": {"size": 32, "steps": 1}})
    for name, extra, expected in (("a", [], (32, 1)), ("b", ["--steps", "2", "--size", "24"], (24, 2))):
        path = tmp_path / f"{name}.png"
        assert main(["transfer", "cat", "great_wave", *extra, "--output", str(path)]) == 0
        settings = read_settings(path)["arguments"]
        assert (settings["size"], settings["steps"]) == expected


def test_a_transfer_saves_its_steps_and_takes_one_number_for_all_layer_weights(tmp_path, capsys):
    path = tmp_path / "out.jpg"
    command = ["transfer", "cat", "great_wave", *TINY, "--steps", "5", "--save-every", "2"]
    command += ["--layer-weights", "0.5", "--output", str(path)]
    assert main(command) == 0
    steps = tmp_path / "out_steps"
    assert sorted(kept.name for kept in steps.iterdir()) == ["0002.jpg", "0004.jpg"]
    assert load_image(steps / "0004.jpg").shape == load_image(path).shape
    path.unlink()
    assert main(command) == 1
    assert "out_steps exists already" in capsys.readouterr().err


def test_a_transfer_with_many_arguments_and_again(tmp_path, capsys):
    mask, preset, film = tmp_path / "mask.png", tmp_path / "mine.json", tmp_path / "run.gif"
    left = np.zeros((24, 36, 3))
    left[:, :18] = 255
    save_image(left, mask)
    save_image(255 - left, tmp_path / "other.png")
    path = tmp_path / "out.png"
    control = ["--masks", str(mask), str(tmp_path / "other.png"), "--blend", "1", "2", "--no-normalized"]
    save_image(load_image("great_wave", 48) * 0 + 255, tmp_path / "all.png")
    control += ["--style-masks", str(tmp_path / "all.png"), "-"]
    control += ["--term", "total variation=0.01", "--statistic", "shifted gram", "--colors", "luma"]
    control += ["--style-layers", "conv1_1", "conv2_1", "--layer-weights", "conv1_1=1", "conv2_1=0.5"]
    control += ["--tolerance", "0.001", "--film", str(film), "--save-preset", str(preset)]
    command = ["transfer", "cat", "great_wave", "summertime", *TINY, *control, "--output", str(path)]
    assert main(command) == 0
    assert capsys.readouterr().out.split() == [str(path), str(film)]
    settings = read_settings(path)["arguments"]
    expected = {
        "style": ["great_wave", "summertime"],
        "blend": [1, 2],
        "style_masks": [str(tmp_path / "all.png"), None],
        "colors": "luma",
        "terms": {"total variation": 0.01},
    }
    assert {name: settings[name] for name in expected} == expected
    assert settings["network"]["normalized"] is False
    assert settings["run"]["tolerance"] == 0.001
    weights = {"conv1_1": 1, "conv2_1": 0.5}
    assert settings["losses"] == {
        "layer_weights": weights,
        "statistic": "shifted gram",
        "content_per_entry": True,
    }
    assert load_image(film).shape == load_image(path).shape
    assert load_preset(preset)["losses"]["statistic"] == "shifted gram"
    assert main(["again", str(path), "--output", str(tmp_path / "again.png")]) == 0
    assert np.abs(load_image(tmp_path / "again.png") - load_image(path)).max() <= 1
    saved = ["--preset", str(preset), "--statistic", "gram", "--output", str(tmp_path / "preset.png")]
    assert main(["transfer", "cat", "great_wave", "summertime", *saved]) == 0
    settings = read_settings(tmp_path / "preset.png")["arguments"]
    assert (settings["losses"]["statistic"], settings["size"], settings["colors"]) == ("gram", 24, "luma")


def test_weights_in_the_units_of_another_program(tmp_path):
    path = tmp_path / "out.png"
    command = ["transfer", "cat", "great_wave", *TINY, "--as-printed", "johnson", "--output", str(path)]
    assert main([*command, "--style-weight", "200"]) == 0
    settings = read_settings(path)["arguments"]
    assert (settings["content_weight"], settings["style_weight"], settings["network"]["pooling"]) == (
        10,
        200,
        "max",
    )


def test_frames_are_painted_into_a_folder_and_a_film(tmp_path, capsys):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(3):
        save_image(load_image("cat", 24), folder / f"{number}.png")
    film = tmp_path / "film.gif"
    arguments = [*TINY, "--next-steps", "1", "--motion", "none", "--output", str(film)]
    assert main(["frames", str(folder), "great_wave", *arguments]) == 0
    assert "gray levels" in capsys.readouterr().out
    assert len(list((tmp_path / "film").iterdir())) == 3
    assert load_image(film).shape == (24, 36, 3)


def test_the_arguments_of_a_gallery_are_passed_on(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "helpers.tools.gallery.paint_gallery", lambda *given, **named: calls.append((given, named))
    )
    arguments = ["gallery", "cat", "temple", "--styles", "great_wave", *TINY, "--style-weight", "7"]
    assert main([*arguments, "--output", str(tmp_path), "--workers", "2", "--overwrite"]) == 0
    (((contents, styles, folder, settings), named),) = calls
    assert (contents, styles, folder) == (["cat", "temple"], ["great_wave"], tmp_path)
    assert {"size": 24, "steps": 2, "style_weight": 7.0}.items() <= settings.items()
    assert (named["workers"], named["overwrite"]) == (2, True)


@pytest.mark.slow
def test_a_gallery_refuses_pictures_of_other_settings(tmp_path, capsys):
    arguments = ["gallery", "cat", "--styles", "great_wave", *TINY, "--output", str(tmp_path)]
    assert main(arguments) == 0
    assert read_settings(tmp_path / "cat_great_wave.png")["arguments"]["size"] == 24
    assert main([*arguments, "--style-weight", "7"]) == 1
    assert "--overwrite" in capsys.readouterr().err


def test_results_repeat_the_runs_of_pictures(tmp_path, monkeypatch, capsys):
    run = {"size": 24, "steps": 2, "run": {"progress": False}, "network": {"precision": "bfloat16"}}
    (tmp_path / "results").mkdir()
    path = transfer("cat", "great_wave", **run).save(tmp_path / "results" / "cat.png")
    before = read_settings(path)
    save_image(load_image("cat", 24), path, {**before, "history": []})
    monkeypatch.setattr("helpers.tools.command_line.IMAGES", tmp_path)
    assert main(["results"]) == 0
    assert capsys.readouterr().out.strip() == str(path)
    after = read_settings(path)
    assert len(after["history"]) == 2
    assert after["inputs"] == before["inputs"]
    assert main(["results", "dog"]) == 1
    assert "no result dog; there are cat" in capsys.readouterr().err


def test_reconstruct_and_texture_write_pictures(tmp_path):
    path = tmp_path / "reconstruction.png"
    assert main(["reconstruct", "cat", "--layer", "conv2_1", *TINY, "--output", str(path)]) == 0
    assert load_image(path).shape[0] == 24
    path = tmp_path / "texture.png"
    arguments = ["--layers", "conv1_1", "conv2_1", "--source-size", "32", "--output", str(path)]
    assert main(["texture", "gravel", *TINY, *arguments]) == 0
    assert load_image(path).shape == (24, 24, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["transfer", "nowhere.jpg"], "no bundled picture 'nowhere.jpg'"),
        (["transfer", "tempel"], "bundled are astronaut"),
        (["transfer", "--start", "nosie"], "'noise', 'content', 'style'"),
        (["transfer", "--weights", "imagnet"], "imagnet"),
        (["transfer", "--output", "nowhere/picture.png"], "no folder nowhere"),
        (["transfer", "--output", "picture.xyz"], "picture.xyz"),
        (["transfer", "--size", "4"], "shorter side needs 16"),
        (["reconstruct", "--layer", "conv9_9"], "conv9_9"),
        (["texture", "--layers", "fc1"], "fc1"),
        (["results", "mona_lisa"], "mona_lisa"),
        (["transfer", "--preset", "swift"], "quick, balanced, fine"),
        (["transfer", "--film", "run.mp4"], "ends in .gif or .webp"),
        (["transfer", "--masks", "nowhere.png"], "no bundled picture 'nowhere.png'"),
        (["transfer", "--blend", "1", "2"], "Weights of a blend are a list of 1"),
        (["transfer", "--as-printed", "picasso"], "not 'picasso'"),
        (["transfer", "--style-layers", "conv1_9"], "block1_conv1"),
        (["transfer", "--term", "smooth=1"], "not 'smooth'"),
        (["again", "nowhere.png"], "no bundled picture 'nowhere.png'"),
        (["frames", "nowhere", "great_wave"], "nowhere"),
    ],
)
def test_bad_input_gets_one_sentence_and_writes_nothing(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("helpers.tools.command_line.OUTPUT", tmp_path / "output")
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("arguments", [["--steps", "0"], ["--size", "-3"], ["--size", "big"]])
def test_invalid_numbers_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["transfer", *arguments])
    assert ended.value.code == 2
    assert "a whole number of 1 or more" in capsys.readouterr().err


def test_an_existing_file_is_only_replaced_on_request(tmp_path, capsys):
    path = tmp_path / "mine.png"
    path.write_bytes(b"precious")
    arguments = ["transfer", "cat", "great_wave", *TINY, "--output", str(path)]
    assert main(arguments) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert path.read_bytes() == b"precious"
    assert main([*arguments, "--overwrite"]) == 0
    assert load_image(path).shape[0] == 24


@pytest.mark.parametrize(
    "command", ["transfer", "reconstruct", "texture", "again", "frames", "gallery", "benchmark", "results"]
)
def test_help_does_not_import_tensorflow(command, run_python):
    code = (
        "import sys; from helpers.tools.command_line import main\n"
        f"try: main(['{command}', '--help'])\n"
        "except SystemExit: pass\n"
        "assert 'tensorflow' not in sys.modules"
    )
    done = run_python("-c", code, check=True)
    assert "usage: course.py" in done.stdout


def test_the_help_states_the_defaults_of_the_recipes_and_of_the_groups():
    parameters = inspect.signature(transfer).parameters
    for name, settings in KEYWORDS.items():
        stated = re.search(r"\(default: (.*)\)", settings["help"])
        if stated:
            default = parameters[name].default
            if name == "style_layers":
                default = "conv1_1 … conv5_1"
            written = f"{default:g}" if isinstance(default, float) else str(default)
            assert stated[1].replace("conv4_2", "block4_conv2") == written, name
    command = build_parser()._subparsers._group_actions[0].choices["transfer"]
    offered = {action.dest: action for action in command._actions}
    for group in GROUPS.values():
        for field in dataclasses.fields(group):
            if field.name not in ("checkpoint", "progress"):
                assert field.name in offered
                if field.name != "resume":
                    assert offered[field.name].default is None
                    assert offered[field.name].help.startswith(field.metadata["help"])


def test_options_and_pictures_mix(tmp_path):
    path = tmp_path / "out.png"
    command = ["transfer", "cat", "--size", "24", "great_wave", "--steps", "2", "summertime"]
    assert main([*command, "--style-layers", "conv1_1,conv2_1", "--output", str(path)]) == 0
    arguments = read_settings(path)["arguments"]
    assert arguments["content"] == "cat"
    assert arguments["style"] == ["great_wave", "summertime"]
    assert arguments["style_layers"] == ["block1_conv1", "block2_conv1"]


@pytest.mark.parametrize(
    "command",
    [["transfer", "cat", "--sise", "24", "great_wave"], ["texture", "gravel", "--size", "24", "brick"]],
)
def test_what_fits_nowhere_is_named(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    assert "unrecognized arguments" in capsys.readouterr().err


def test_patterns_and_folders_of_styles_are_expanded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.png", "a.png"):
        save_image(np.full((40, 40, 3), 90.0), tmp_path / name)
    assert main(["transfer", "cat", "[ab].png", *TINY, "--output", "out.jpg"]) == 0
    (tmp_path / "out.jpg").unlink()
    assert main(["transfer", "cat", ".", *TINY, "--output", "out.png"]) == 0
    assert [Path(name).name for name in read_settings("out.png")["arguments"]["style"]] == ["a.png", "b.png"]


@pytest.mark.parametrize("ending", [".h5", ".xbm", ".hdf", ".ico", ".icns", ".palm", ".nonsense", ""])
def test_an_ending_that_cannot_hold_the_picture_is_refused_before_the_run(ending, tmp_path, capsys):
    assert main(["transfer", "cat", "great_wave", "--output", str(tmp_path / f"out{ending}")]) == 1
    assert "a picture's name ends in .png, .jpg or .webp" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "encoding",
    [
        "cp932",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("cp1250", "cp1252", "ascii", "cp437")),
    ],
)
def test_help_and_names_reach_terminals_that_lack_their_letters(encoding, tmp_path, run_python):
    environment = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    for command in ("transfer", "gallery", "frames", "benchmark"):
        done = run_python("-m", "helpers", command, "--help", environment=environment)
        assert done.returncode == 0, done.stderr
        assert "usage:" in done.stdout
    name = "日本 ü ł π.png"
    command = ["-m", "helpers", "transfer", "cat", "great_wave", *TINY, "--output", tmp_path / name]
    done = run_python(*command, environment=environment)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(sys.platform != "linux", reason="only here a name need not be a text")
def test_a_name_that_is_no_text_is_read_painted_and_repeated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"a \xff b.png")
    save_image(np.full((40, 40, 3), 90.0), name)
    assert main(["transfer", name, "great_wave", *TINY, "--output", "out.png"]) == 0
    assert main(["again", "out.png", "--output", "again.png"]) == 0


def test_names_that_the_program_chooses_are_never_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.tools.command_line.OUTPUT", tmp_path / "output")
    long = tmp_path / f"{'ü' * 120}.png"
    save_image(np.full((40, 40, 3), 90.0), long)
    for styles in ([str(long)] * 5, [str(long)] * 4 + ["great_wave"]):
        assert main(["transfer", str(long), *styles, *TINY]) == 0
    assert len(list((tmp_path / "output").iterdir())) == 2
    given = tmp_path / f"{'n' * 251}.png"
    assert main(["transfer", "cat", "great_wave", *TINY, "--output", str(given)]) == 0
    assert given.exists()


def test_a_picture_that_is_written_is_a_success_though_nobody_listens(tmp_path, monkeypatch):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    path = tmp_path / "out.png"
    assert main(["transfer", "cat", "great_wave", *TINY, "--output", str(path)]) == 0
    assert [each.name for each in tmp_path.iterdir()] == ["out.png"]


@pytest.mark.parametrize(
    "command", [["transfer", "cat", "none/*.jpg"], ["gallery", "none/*.jpg", "--styles", "cat"]]
)
def test_a_pattern_that_nothing_fits_gets_one_sentence(command, capsys, one_sentence):
    assert main(command) == 1
    one_sentence(capsys.readouterr().err.strip())
