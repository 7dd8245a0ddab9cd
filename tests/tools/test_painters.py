"""The commands paint and train-painter, on few steps."""

import signal

import numpy as np
import pytest

from helpers import load_image, load_painter, save_image
from helpers.painter import training
from helpers.tools.command_line import main


@pytest.fixture
def style(tmp_path):
    path = tmp_path / "style.png"
    save_image(np.random.default_rng(1).uniform(0, 255, (40, 48, 3)), path)
    return str(path)


def trains(style, path, *more):
    return ["train-painter", style, "--style-size", "32", "--output", str(path), *more]


def test_paint_writes_a_picture(tmp_path, capsys):
    path = tmp_path / "out.png"
    command = ["paint", "cat", "--painter", "great_wave", "--size", "40", "--output", str(path)]
    assert main(command) == 0
    assert capsys.readouterr().out.strip() == str(path)
    weak = load_image(path)
    assert weak.shape[0] == 40
    assert main(command) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert main([*command, "--overwrite", "--style-weight", "500"]) == 0
    assert (load_image(path) != weak).any()


def test_paint_takes_several_photos(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("helpers.tools.command_line.OUTPUT", tmp_path / "output")
    assert main(["paint", "cat", "temple", "cat", "--size", "24"]) == 0
    names = sorted(path.name for path in (tmp_path / "output").iterdir())
    assert names == [
        f"{photo}_by_great_wave{n}.png" for photo, n in (("cat", "-2"), ("cat", ""), ("temple", ""))
    ]
    capsys.readouterr()
    assert main(["paint", "cat", "temple", "--output", str(tmp_path / "a.png")]) == 1
    assert "one picture" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["paint", "cat", "--painter", "rembrandt"], "There is no painter rembrandt"),
        (["paint", "nobody"], "nobody"),
        (["paint", "cat", "--style-weight", "-1"], "β"),
        (["train-painter", "nobody", "--steps", "2"], "nobody"),
        (["train-painter", "great_wave", "--minutes", "0"], "minutes"),
        (["train-painter", "great_wave", "--steps", "2", "--photos", "nowhere/*.jpg"], "nowhere"),
        (["train-painter", "great_wave", "--steps", "2", "--start", "rembrandt"], "rembrandt"),
        (["train-painter", "great_wave", "--steps", "2", "--seed", "-1"], "seed"),
        (["train-painter", "great_wave", "--steps", "2", "--style-weight", "nan"], "weight"),
        (["train-painter", "great_wave", "--steps", "2", "--weights", "none"], "none"),
        (["train-painter", "great_wave", "--resume"], "checkpoint"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    arguments, said, tmp_path, capsys, monkeypatch, one_sentence
):
    monkeypatch.setattr("helpers.tools.command_line.OUTPUT", tmp_path / "output")
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    one_sentence(captured.err.strip(), said)
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.slow
def test_a_painter_is_trained_stopped_and_resumed(style, tmp_path, capsys, monkeypatch):
    path, checkpoint = tmp_path / "mine.npz", tmp_path / "mine.npz.checkpoint"
    save, steps = training.save_training, []

    def interrupted(*state):
        save(*state)
        steps.append(state[-1])
        if steps == [1, 2]:
            signal.raise_signal(signal.SIGINT)

    # Every step writes a checkpoint, and Ctrl-C comes after the second.
    monkeypatch.setattr(training, "_SECONDS_PER_CHECKPOINT", -1)
    monkeypatch.setattr(training, "save_training", interrupted)
    command = trains(style, path, "--steps", "4", "--photos", "cat")
    assert main(command) == 130
    captured = capsys.readouterr()
    assert captured.out.split()[0] == str(path)
    assert "Stopped at step 2 of 4; the same command with --resume" in captured.err
    assert load_painter(path).settings["steps_taken"] == 2
    first = path.read_bytes()
    assert main(command) == 1
    assert "--resume continues it" in capsys.readouterr().err
    assert (path.read_bytes(), checkpoint.exists()) == (first, True)
    monkeypatch.setattr(training, "save_training", save)
    assert main([*command, "--resume"]) == 0
    assert capsys.readouterr().out.split() == [str(path), str(tmp_path / "mine_preview.png")]
    assert load_painter(path).settings["steps_taken"] == 4
    assert not checkpoint.exists()
    assert load_image(tmp_path / "mine_preview.png").shape[0] == 256


def test_minutes_are_turned_into_steps(monkeypatch):
    def trained(style, steps, callback, **_):
        for step in range(steps):
            callback({"seconds": 10.0 + 0.5 * step if step else 4.0}, None)

    monkeypatch.setattr(training, "train_painter", trained)
    assert training.steps_within(2, "great_wave") == 240
