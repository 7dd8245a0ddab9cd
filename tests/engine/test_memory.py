"""How much memory a run is said to need, and which way it takes to stay within it."""

import pytest

from helpers import transfer
from helpers.engine import memory
from helpers.engine import run as engine_run
from helpers.engine.lbfgs import LONGEST_HISTORY
from helpers.engine.memory import GB, fitting_tiling, peak_memory
from helpers.engine.tiling import Tiling
from helpers.options import Run, merged

LAYERS = ("block5_conv1", "block4_conv2")


def test_the_estimate_counts_what_a_whole_evaluation_holds_of_block_1():
    # Two layers of 64 filters, and three more such maps for the way back, four bytes each; a small rest.
    before, after = (peak_memory(side, side, ["block1_conv2"]) for side in (100, 200))
    images = 3 * 4 * (memory._IMAGES + 2 * LONGEST_HISTORY)
    assert (after - before) / 30000 == pytest.approx(5 * 64 * 4 + images + 64 * 4)


def test_tiles_and_bfloat16_need_less_of_a_large_picture():
    whole = peak_memory(3000, 4000, LAYERS)
    cuts = ("block2_pool", "block3_pool", "block4_pool", None)
    needed = [peak_memory(3000, 4000, LAYERS, "float32", Tiling(256, cut)) for cut in cuts]
    assert needed[-1] < 0.25 * whole
    assert needed == sorted(needed, reverse=True)
    assert peak_memory(3000, 4000, LAYERS, "bfloat16") < 0.85 * whole


SIDES = (64, 200, 384, 512, 768, 1024, 1500, 2048)
SIZES = [(side, round(side * shape)) for side in SIDES for shape in (1, 1.5)]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("limited", [False, True])
def test_no_run_is_slower_for_having_more_memory(precision, limited):
    """Walk all sizes and memories: what is chosen fits, and is never faster as memory grows scarcer."""
    for height, width in SIZES:
        before = 0
        for gigabytes in (64, 32, 24, 16, 12, 8, 6, 5, 4, 3, 2.5, 2, 1.8, 1.6):
            given = {"limit": gigabytes} if limited else {"available": gigabytes * GB}
            try:
                tiling = fitting_tiling(height, width, LAYERS, precision, **given)
            except MemoryError:
                break
            assert peak_memory(height, width, LAYERS, precision, tiling) <= gigabytes * GB
            assert memory._TILINGS.index(tiling) >= before
            before = memory._TILINGS.index(tiling)


@pytest.mark.parametrize("gigabytes", [2.5, 4, 6, 8, 12, 16, 32])
def test_a_smaller_picture_is_not_cut_where_a_larger_one_is_taken_whole(gigabytes):
    tilings = [fitting_tiling(side, side, LAYERS, available=gigabytes * GB) for side in range(64, 1100, 32)]
    whole = [tiling is None for tiling in tilings]
    assert whole == sorted(whole, reverse=True)
    assert whole[0]


def test_8_gb_hold_pictures_of_768_and_1024_pixels_whole():
    assert fitting_tiling(768, 768, LAYERS, available=8 * GB) is None
    assert fitting_tiling(1024, 1024, LAYERS, available=8 * GB) is None


def test_a_picture_of_2048_pixels_fits_into_6_gb():
    assert peak_memory(2048, 2048, LAYERS, "float32", fitting_tiling(2048, 2048, LAYERS, limit=6)) < 6 * GB


def test_a_picture_is_cut_as_far_up_as_its_memory_demands():
    assert fitting_tiling(256, 384, LAYERS, limit=2.0) is None
    assert fitting_tiling(512, 768, LAYERS, limit=1.9).cut == "block2_pool"
    assert fitting_tiling(2048, 2048, LAYERS, limit=4.0).cut in ("block4_pool", None)


def test_a_limit_that_is_too_low_names_the_size_that_fits(monkeypatch):
    with pytest.raises(
        MemoryError, match=r"4096 pixels needs .* 1.5 GB is allowed; a shorter side of (\d+)"
    ) as raised:
        fitting_tiling(4096, 4096, LAYERS, limit=1.5)
    side = int(str(raised.value).split("shorter side of ")[1].split()[0])
    assert fitting_tiling(side, side, LAYERS, limit=1.5) is not False
    with pytest.raises(MemoryError):
        fitting_tiling(side + 1, side + 1, LAYERS, limit=1.5)
    monkeypatch.setattr(memory, "free_memory", lambda: 0.5 * GB)
    with pytest.raises(MemoryError, match="is available; no picture would fit"):
        fitting_tiling(64, 64, LAYERS)


@pytest.mark.parametrize("limit", [0, -1.0, float("nan"), float("inf")])
def test_a_limit_is_a_number_above_0(limit):
    with pytest.raises(ValueError, match="GB, is a number above 0"):
        Run(memory=limit)


def test_there_is_some_memory_here():
    assert memory.free_memory() > 0.5 * GB


@pytest.mark.parametrize(
    "names",
    [
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ],
)
def test_the_limit_of_a_container_is_read_in_both_versions(tmp_path, monkeypatch, names):
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert memory._container() == (float("inf"), 0)
    for name, value in zip(names, ("3000000000\n", "1000000000\n"), strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(value)
    assert memory._container() == (3 * GB, GB)
    (tmp_path / names[0]).write_text("max\n")
    assert memory._container() == (float("inf"), 0)


def test_a_transfer_in_tiles_is_the_transfer_of_the_whole(photo, painting, monkeypatch):
    run = {"steps": 3, "progress": False, "weights": "bundled", "precision": "float32"}
    whole = transfer(photo, painting, **merged(run))
    monkeypatch.setattr(engine_run, "fitting_tiling", lambda *_: Tiling(16, "block2_pool"))
    tiled = transfer(photo, painting, **merged(run))
    for record, other in zip(whole.history, tiled.history, strict=True):
        assert other["total"] == pytest.approx(record["total"], rel=1e-3)


def test_a_transfer_that_does_not_fit_says_so_before_it_begins(photo, painting):
    with pytest.raises(MemoryError, match=r"0\.1 GB is allowed"):
        transfer(photo, painting, **merged({"memory": 0.1, "steps": 1, "progress": False}))
