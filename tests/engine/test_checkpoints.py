"""Runs that are cut off and go on: in one process here, and at the end those that are killed."""

import random
import re
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from helpers import (
    CheckpointError,
    CourseError,
    MissingFileError,
    OutputError,
    load_image,
    read_settings,
    reconstruct,
    synthesize_texture,
    transfer,
)
from helpers.engine import checkpoints as checkpoint_module
from helpers.engine import coarse_to_fine as synthesis
from helpers.engine.checkpoints import load_checkpoint, save_checkpoint
from helpers.engine.coarse_to_fine import State
from helpers.images import save_image
from helpers.options import merged
from helpers.tools.command_line import main

QUIET = {"weights": "bundled", "progress": False, "precision": "float32"}


def cut_off_at(step):
    def callback(record, image):
        if record["step"] == step:
            raise StopIteration

    return callback


def runs(photo, painting):
    return {
        "L-BFGS": (transfer, {"content": photo, "style": painting, "steps": 14, "scales": 1}),
        "Adam": (transfer, {"content": photo, "style": painting, "steps": 14, "optimizer": "adam"}),
        "two sizes": (transfer, {"content": photo, "style": painting, "steps": 14, "scales": 2}),
        "cosines": (reconstruct, {"image": photo, "layer": "conv2_1", "steps": 14}),
        "texture": (synthesize_texture, {"image": painting, "layers": ["conv1_1", "conv2_1"], "steps": 14}),
    }


NAMES = ("L-BFGS", "Adam", "two sizes", "cosines", "texture")
# In the default tests L-BFGS is cut off at three steps, and the others at one.
CUTS = [
    pytest.param(step, name, marks=[pytest.mark.slow] if step != 7 and name != "L-BFGS" else [])
    for name in NAMES
    for step in (1, 7, 11)
]


@pytest.mark.parametrize(("step", "name"), CUTS)
def test_a_run_cut_off_anywhere_ends_as_an_unbroken_one_does(photo, painting, tmp_path, name, step):
    recipe, arguments = runs(photo, painting)[name]
    unbroken = recipe(**merged(arguments, QUIET))
    kept = {"checkpoint": tmp_path / "run.checkpoint"}
    part = recipe(**merged(arguments, QUIET, kept, {"callback": cut_off_at(step)}))
    assert len(part.history) == step
    whole = recipe(**merged(arguments, QUIET, kept, {"resume": True}))
    assert [record["step"] for record in whole.history] == list(range(1, len(whole.history) + 1))
    assert whole.history[:step] == part.history
    assert whole.history[-1]["total"] == pytest.approx(unbroken.history[-1]["total"], rel=0.01)
    assert whole.history[-1]["size"] == unbroken.history[-1]["size"]
    seconds = [record["seconds"] for record in whole.history]
    assert seconds == sorted(seconds)
    finished = recipe(**merged(arguments, QUIET, kept, {"resume": True}))
    assert (finished.image == whole.image).all()
    assert finished.history == whole.history


@pytest.mark.parametrize("step", [5, *(pytest.param(step, marks=pytest.mark.slow) for step in (2, 4, 7))])
def test_a_run_cut_off_in_either_precision_goes_on(photo, painting, tmp_path, monkeypatch, step):
    monkeypatch.setattr(synthesis, "BFLOAT16_STEPS", 4)
    run = {"steps": 8, "scales": 1, "weights": "bundled", "precision": "mixed", "progress": False}
    unbroken = transfer(photo, painting, **merged(run))
    assert unbroken.settings["arguments"]["network"]["precision"] == "mixed"
    kept = {**run, "checkpoint": tmp_path / "run.checkpoint"}
    part = transfer(photo, painting, **merged(kept, {"callback": cut_off_at(step)}))
    whole = transfer(photo, painting, **merged(kept, {"resume": True}))
    assert whole.history[:step] == part.history
    assert len(whole.history) == len(unbroken.history) == 8
    assert whole.history[-1]["total"] == pytest.approx(unbroken.history[-1]["total"], rel=0.01)


def test_the_result_of_an_interrupted_adam_is_the_best_picture_so_far(photo, painting):
    seen = []
    result = transfer(
        photo,
        painting,
        **merged(
            {
                "steps": 6,
                "optimizer": "adam",
                "scales": 1,
                "callback": lambda record, image: seen.append((record["total"], image())),
            },
            QUIET,
        ),
    )
    assert (result.image == min(seen, key=lambda each: each[0])[1]).all()


def test_a_checkpoint_is_of_one_run(photo, painting, tmp_path):
    path = tmp_path / "run.checkpoint"
    run = {"content": photo, "style": painting, "steps": 2, "checkpoint": path, **QUIET}
    transfer(**merged(run))
    for change, words in (
        ({"steps": 5}, r"steps \(2, not 5\)"),
        ({"style_weight": 7.0}, "style_weight"),
        ({"content": painting}, "content"),
        ({"seed": 3}, "seed"),
    ):
        with pytest.raises(CheckpointError, match=f"of a run with another {words}"):
            transfer(**merged({**run, **change}, {"resume": True}))
    with pytest.raises(CheckpointError, match="another recipe"):
        reconstruct(photo, **merged({"steps": 2, "checkpoint": path, "resume": True}, QUIET))
    transfer(**merged(run, {"resume": True, "memory": 2.0}))


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04"])
def test_a_damaged_checkpoint_is_named(photo, painting, tmp_path, content):
    path = tmp_path / "run.checkpoint"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"run\.checkpoint is damaged"):
        transfer(photo, painting, **merged({"steps": 2, "resume": path}, QUIET))
    assert path.read_bytes() == content


def test_a_checkpoint_cut_short_or_flipped_is_named(photo, painting, tmp_path):
    path = tmp_path / "run.checkpoint"
    transfer(photo, painting, **merged({"steps": 3, "checkpoint": path}, QUIET))
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-30], whole[:2000] + b"\xff" * 9 + whole[2009:]):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="is damaged"):
            transfer(photo, painting, **merged({"steps": 3, "resume": path}, QUIET))


def test_a_checkpoint_of_objects_is_not_unpickled(photo, painting, tmp_path):
    path = tmp_path / "run.checkpoint"
    with path.open("wb") as file:
        np.savez(file, about=np.array([{"an": "object"}], dtype=object), pixels=np.zeros((1, 2, 2, 3)))
    with pytest.raises(CheckpointError, match="is damaged"):
        transfer(photo, painting, **merged({"steps": 3, "resume": path}, QUIET))


def test_without_a_checkpoint_a_run_begins_or_says_so(photo, painting, tmp_path):
    run = {"content": photo, "style": painting, "steps": 1, **QUIET}
    assert (
        len(transfer(**merged(run, {"checkpoint": tmp_path / "run.checkpoint", "resume": True})).history) == 1
    )
    with pytest.raises(MissingFileError, match=r"other\.checkpoint"):
        transfer(**merged(run, {"resume": tmp_path / "other.checkpoint"}))
    with pytest.raises(CourseError, match="name the file"):
        transfer(**merged(run, {"resume": True}))
    with pytest.raises(MissingFileError, match="no folder"):
        transfer(**merged(run, {"checkpoint": tmp_path / "nowhere" / "run.checkpoint"}))
    with pytest.raises(OutputError, match="it is a folder"):
        transfer(**merged(run, {"checkpoint": tmp_path}))


def test_a_checkpoint_is_written_at_intervals_and_at_the_end(photo, painting, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(
        checkpoint_module, "save_checkpoint", lambda path, state, run: written.append(state.taken)
    )
    run = {
        "content": photo,
        "style": painting,
        "steps": 4,
        "scales": 1,
        "checkpoint": tmp_path / "c",
        **QUIET,
    }
    transfer(**merged(run, {"checkpoint_every": 0}))
    assert written[-1] == 4
    assert len(written) >= 2
    written.clear()
    transfer(**merged(run, {"checkpoint_every": 1000}))
    assert written == [4]


def test_a_disk_that_fills_up_does_not_end_the_run(photo, painting, tmp_path, monkeypatch, caplog):
    def full(*_):
        raise OutputError("run.checkpoint cannot be written: No space left on device.")

    monkeypatch.setattr(checkpoint_module, "save_checkpoint", full)
    result = transfer(
        photo,
        painting,
        **merged({"steps": 3, "checkpoint": tmp_path / "run.checkpoint", "checkpoint_every": 0}, QUIET),
    )
    assert len(result.history) == 3
    assert "No space left" in caplog.text


def test_what_a_killed_run_left_half_written_is_cleared_away(photo, painting, tmp_path):
    left = tmp_path / ".run.checkpoint.123.part"
    left.write_bytes(b"half")
    transfer(photo, painting, **merged({"steps": 1, "checkpoint": tmp_path / "run.checkpoint"}, QUIET))
    assert [path.name for path in tmp_path.iterdir()] == ["run.checkpoint"]


def test_a_state_is_the_same_after_a_file(tmp_path):
    random_numbers = np.random.default_rng(0)
    optimizer_state = {"pairs": random_numbers.standard_normal((2, 2, 4, 6, 3)).astype(np.float32)}
    state = State(
        scale=0,
        taken=2,
        pixels=random_numbers.standard_normal((1, 4, 6, 3)).astype(np.float32),
        best=random_numbers.standard_normal((1, 4, 6, 3)).astype(np.float32),
        history=[{"step": 1, "total": 2.5}, {"step": 2, "total": 1.25}],
        optimizer_state=lambda: optimizer_state,
    )
    run = {"recipe": "transfer", "arguments": {"steps": 3}, "inputs": {}}
    save_checkpoint(tmp_path / "c", state, run)
    read = load_checkpoint(tmp_path / "c", run)
    assert (read.scale, read.taken, read.history) == (0, 2, state.history)
    for name in ("pixels", "best"):
        assert (getattr(read, name) == getattr(state, name)).all()
    assert (read.optimizer_state()["pairs"] == optimizer_state["pairs"]).all()


def tiny_transfer(path, steps):
    command = ["transfer", "temple", "great_wave", "--size", "32", "--steps", steps, "--output", path]
    return [*map(str, command), "--precision", "float32", "--checkpoint-every", "0"]


def wait_for_steps(process, path, since=0):
    """Wait until a run has kept steps that it had not kept before."""
    while not path.exists() or path.stat().st_mtime_ns == since:
        if process.poll() is not None:
            return
        time.sleep(0.01)


def steps_kept(path):
    with np.load(path, allow_pickle=False) as stored:
        return int(re.findall(r'"step": (\d+)', stored["about"].item())[-1])


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_transfer_killed_at_random_moments_finishes(tmp_path, start_command, capsys, kills):
    path = tmp_path / "out.png"
    kept = Path(f"{path}.checkpoint")
    steps = 20 + 6 * kills
    arguments = [*tiny_transfer(path, steps), "--resume"]
    moments = random.Random(4)
    reached = [0]
    for _ in range(kills):
        process = start_command(*arguments)
        # Most of the kills come while it paints, some while it still begins; the first while it paints.
        if reached == [0] or moments.random() < 0.8:
            wait_for_steps(process, kept, kept.stat().st_mtime_ns if kept.exists() else 0)
            time.sleep(moments.uniform(0, 0.15))
        else:
            time.sleep(moments.uniform(0, 4))
        process.kill()
        _, said = process.communicate()
        assert process.returncode == -signal.SIGKILL, said
        assert not path.exists()
        reached.append(steps_kept(kept))
        assert reached[-1] >= reached[-2]
    assert reached[-1] > 0
    assert main(arguments) == 0
    assert capsys.readouterr().out.strip() == str(path)
    assert [each.name for each in tmp_path.iterdir()] == ["out.png"]
    history = read_settings(path)["history"]
    assert [record["step"] for record in history] == list(range(1, steps + 1))
    unbroken = transfer("temple", "great_wave", **merged({"size": 32, "steps": steps}, QUIET))
    assert history[-1]["total"] == pytest.approx(unbroken.history[-1]["total"], rel=0.01)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals for another process")
@pytest.mark.parametrize("sent", ["SIGINT", pytest.param("SIGTERM", marks=pytest.mark.slow)])
def test_a_signal_saves_the_picture_and_resume_goes_on(tmp_path, start_command, sent):
    path = tmp_path / "out.png"
    arguments = tiny_transfer(path, 40)
    process = start_command(*arguments)
    wait_for_steps(process, Path(f"{path}.checkpoint"))
    assert process.poll() is None, process.communicate()[1]
    process.send_signal(getattr(signal, sent))
    said, complaint = process.communicate(timeout=60)
    assert process.returncode == 128 + getattr(signal, sent), complaint
    assert said.strip() == str(path)
    assert "--resume continues it" in complaint
    assert "Traceback" not in complaint
    settings = read_settings(path)
    assert 0 < len(settings["history"]) == settings["steps_taken"] < 40
    assert load_image(path).shape[0] == 32
    assert main([*arguments, "--resume"]) == 0
    assert len(read_settings(path)["history"]) == 40
    assert not Path(f"{path}.checkpoint").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals for another process")
def test_a_signal_stops_a_command_of_many_runs_and_none_passes_for_a_whole_one(tmp_path, start_command):
    for number in (1, 2, 3):
        save_image(load_image("temple", 48), tmp_path / f"{number}.png")
    film = tmp_path / "film.webp"
    process = start_command(
        "frames", tmp_path, "great_wave", "--steps", 2, "--next-steps", 100_000, "--output", film
    )
    painted = tmp_path / "film"
    while not (painted / "frame_0001.png").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert complaint.strip().endswith("frames: stopped; what was finished is kept.")
    assert [each.name for each in painted.iterdir()] == ["frame_0001.png"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"recipe": "reconstruct"}, r"recipe \(reconstruct, not transfer\)"),
        ({"arguments": {"steps": 4, "seed": 1}}, r"steps \(4, not 3\)"),
        ({"arguments": {"steps": 3}}, r"seed \(None, not 1\)"),
        ({"inputs": {"content": {"sha256": "b"}}}, r"content\."),
    ],
)
def test_what_differs_between_two_runs_is_named(tmp_path, change, words):
    run = {"recipe": "transfer", "arguments": {"steps": 3, "seed": 1}, "inputs": {"content": {"sha256": "a"}}}
    pixels = np.zeros((1, 4, 6, 3), np.float32)
    save_checkpoint(tmp_path / "c", State(pixels, pixels), {**run, **change})
    with pytest.raises(CheckpointError, match=f"of a run with another {words}"):
        load_checkpoint(tmp_path / "c", run)
    (tmp_path / "c").unlink()
    save_checkpoint(tmp_path / "c", State(pixels, pixels), {**run, "inputs": None})
    with pytest.raises(CheckpointError, match="is damaged"):
        load_checkpoint(tmp_path / "c", run)


def test_a_run_is_kept_at_intervals_and_at_the_end(tmp_path, monkeypatch):
    clock, written = [100.0], []
    monkeypatch.setattr(checkpoint_module.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(checkpoint_module, "save_checkpoint", lambda path, state, run: written.append(state))
    keep = checkpoint_module.checkpoint_writer(tmp_path / "c", {}, 10.0)
    for seconds, expected in ((9.0, 0), (1.5, 1), (9.0, 1), (1.5, 2)):
        clock[0] += seconds
        keep("state", last=False)
        assert len(written) == expected
    keep("state", last=True)
    assert len(written) == 3
