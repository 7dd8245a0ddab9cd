"""The benchmark on tiny pictures: what it counts, what it writes, and that arriving means arriving."""

import json

import pytest

from helpers.tools import benchmark as bench
from helpers.tools.benchmark import Extent, operations

TINY = Extent(
    side=32,
    reference_steps=6,
    most_evaluations=4,
    overhead_sides=(),
    memory_sides=(),
    presets=(),
    tutorials_to_their_end=False,
)


def test_the_operations_of_an_evaluation_are_counted_by_hand():
    # One convolution of 3 to 64 maps on 10 × 20 positions, and its Gram matrix; both there and back.
    assert operations(10, 20, ["block1_conv1"]) == 2 * 200 * (2 * 9 * 3 * 64 + 2 * 64**2)
    # 94.6 GFLOP for the layers of a transfer at 256², Gram matrices not counted.
    grams = sum(4 * n**2 * (256 // s) ** 2 for n, s in ((64, 1), (128, 2), (256, 4), (512, 8), (512, 16)))
    assert (operations(256, 256) - grams) / 1e9 == pytest.approx(94.6, rel=0.01)


@pytest.mark.parametrize("offered", [2, pytest.param(None, marks=pytest.mark.slow)], ids=["two ways", "all"])
def test_a_benchmark_prints_tables_and_writes_json_and_a_plot(tmp_path, monkeypatch, capsys, offered):
    ways = bench.ways()
    if offered is not None:
        names = "L-BFGS, photo, one size, float32", "L-BFGS, photo, two sizes, float32"
        ways = {name: way for name, way in ways.items() if name in names or name.startswith("as the presets")}
    monkeypatch.setattr(bench, "ways", lambda: ways)
    monkeypatch.setattr(bench, "evaluations", lambda *arguments: [])
    monkeypatch.setattr(
        bench, "overhead", lambda *arguments: {"side": 0, "parametrization": "", "seconds": 0, "share": 0}
    )
    found = bench.benchmark("temple", "great_wave", tmp_path, TINY)
    assert json.loads((tmp_path / "benchmark.json").read_text(encoding="utf-8"))["races"] == found["races"]
    assert (tmp_path / "benchmark.png").stat().st_size > 5000
    printed = capsys.readouterr().out
    assert all(name in printed for name in found["races"])
    for name, race in found["races"].items():
        precision = bench.ways().get(name, {}).get("precision", "float32")
        assert race["arrived"] == (race["loss"] <= bench._aim(found["reference"]["goal"], precision, 1))
    small = found["races"]["L-BFGS, photo, two sizes, float32"]
    assert small["as_full_evaluations"] < small["evaluations"]


def test_a_loss_shown_in_bfloat16_has_to_be_lower(monkeypatch):
    monkeypatch.setattr(bench, "ROUGH_STEPS", 2)
    history = [
        {"size": size, "total": total} for size, total in ((8, 1.0), (16, 9.99), (16, 9.99), (16, 9.98))
    ]
    arrivals = {p: bench._arrival(history, 10.0, 16, p) for p in ("float32", "mixed", "bfloat16")}
    assert arrivals["float32"] is history[1]
    assert arrivals["mixed"] is history[3]
    assert arrivals["bfloat16"] is None


@pytest.mark.slow
def test_an_evaluation_and_a_step_take_time():
    found = bench.overhead("temple", "great_wave", 24, "pixels", steps=2)
    assert found["seconds"] > 0
    assert found["share"] > 0


def test_what_is_compared_is_measured_in_turn():
    done = []
    seconds = bench._best_in_turn(lambda: done.append("a"), lambda: done.append("b"), turns=2)
    assert "".join(done) == "ab" * 3
    assert all(0 < each < 1 for each in seconds)
    bench.matrix_product("float32", 8)()


@pytest.mark.slow
def test_the_memory_of_a_run_is_more_than_the_estimate_of_its_maps():
    found = bench.memory_of_a_run(32, "float32")
    assert 0.3 < found["gb"] < 1.5
