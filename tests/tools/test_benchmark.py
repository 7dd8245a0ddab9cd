"""The benchmark on tiny pictures: the operations it counts, what it writes, and when a goal is reached."""

import contextlib
import itertools
import json

import numpy as np
import pytest

from helpers import Result, load_image
from helpers.tools import benchmark as bench
from helpers.tools.benchmark import operations


def test_the_operations_of_an_evaluation_are_counted_by_hand():
    # One convolution of 3 to 64 channels at 10 × 20 positions, its Gram matrix, and the gradients of both.
    assert operations(10, 20, ["block1_conv1"]) == 2 * 200 * (2 * 9 * 3 * 64 + 2 * 64**2)
    # 94.6 GFLOP for the layers of a transfer at 256², Gram matrices not counted.
    grams = sum(4 * n**2 * (256 // s) ** 2 for n, s in ((64, 1), (128, 2), (256, 4), (512, 8), (512, 16)))
    assert (operations(256, 256) - grams) / 1e9 == pytest.approx(94.6, rel=0.01)


SOME = ("L-BFGS, content, one size, float32", "L-BFGS, content, two sizes, float32", "as the presets")


@pytest.mark.parametrize("names", [SOME, pytest.param(None, marks=pytest.mark.slow)], ids=["some", "all"])
def test_a_benchmark_prints_tables_and_writes_json(tmp_path, monkeypatch, capsys, names):
    configurations = bench.configurations()
    if names is not None:
        configurations = {name: configurations[name] for name in configurations if name.startswith(names)}
    monkeypatch.setattr(bench, "configurations", lambda: configurations)
    monkeypatch.setattr(bench, "evaluations", lambda *arguments: [])
    for measure in ("memory_of_a_run", "overhead", "finished_picture"):
        monkeypatch.setattr(bench, measure, lambda *arguments: {"side": 0, "share": 0.5})
    races = bench.races
    monkeypatch.setattr(
        bench, "races", lambda content, style, *_: races(load_image(content, 32), style, 6, 4)
    )
    found = bench.benchmark("temple", "great_wave", tmp_path, quick=True)
    assert json.loads((tmp_path / "benchmark.json").read_text(encoding="utf-8"))["races"] == found["races"]
    printed = capsys.readouterr().out
    assert all(name in printed for name in found["races"])
    for name, race in found["races"].items():
        factor = 1 if configurations[name]["precision"] == "float32" else 0.997
        assert race["arrived"] == (race["loss"] <= factor * 1.1 * found["reference"]["loss"])
    small = found["races"]["L-BFGS, content, two sizes, float32"]
    assert small["as_full_evaluations"] < small["evaluations"]


def test_a_run_ends_at_its_goal_at_full_size_and_lower_in_bfloat16(monkeypatch):
    history = [
        {"size": size, "total": total, "evaluations": step, "seconds": 0.1 * step}
        for step, (size, total) in enumerate(((8, 1.0), (16, 9.99), (16, 9.98)), 1)
    ]

    def replayed(content, style, callback, **arguments):
        seen = []
        with contextlib.suppress(StopIteration):
            for record in history:
                seen.append(record)
                callback(record, None)
        return Result(content, seen, {})

    monkeypatch.setattr(bench, "transfer", replayed)
    picture = np.zeros((16, 24, 3))

    def ended(precision, goal=10.0):
        run = bench._run(picture, picture, {"precision": precision}, goal)
        return run["arrived"], run["evaluations"], run["as_full_evaluations"], run["loss"]

    assert ended("float32") == (True, 2, 1.25, 9.99)
    assert ended("mixed") == ended("bfloat16") == (False, 3, 2.25, 9.98)
    assert ended("bfloat16", 10.02) == (True, 3, 2.25, 9.98)


def test_the_tutorials_are_compared_with_the_preset(monkeypatch):
    for name in ("adam", "lbfgs"):
        optimizer = getattr(bench, name)
        monkeypatch.setattr(
            bench, name, lambda *given, whole=optimizer, **more: itertools.islice(whole(*given, **more), 3)
        )
    found = bench.tutorials(load_image("cat", 24), load_image("great_wave", 24), 2)
    assert len(found) == 2
    for times in found.values():
        assert times["loss"] > 0
        assert times["seconds"] > 0
        assert times["seconds_here"] is None or times["seconds_here"] > 0


@pytest.mark.slow
def test_an_evaluation_and_a_step_take_time():
    found = bench.overhead("temple", "great_wave", 24, steps=2)
    assert found["seconds"] > 0
    assert found["share"] > 0


def test_a_function_is_timed_until_its_last_tensor_is_there():
    assert 0 < bench._seconds(lambda pixels: ({"total": 1.0}, pixels), np.ones((2, 2))) < 1


@pytest.mark.slow
def test_the_memory_of_a_run_includes_that_of_the_program():
    found = bench.memory_of_a_run(32, "float32")
    assert 0.3 < found["gb"] < 1.5
