"""How much memory a run is said to need, and which way it takes to stay within it."""

import pytest

from helpers import transfer
from helpers.engine import memory
from helpers.engine.lbfgs import LONGEST_HISTORY
from helpers.engine.memory import GB, fitting_tiling, peak_memory
from helpers.engine.tiling import Tiling
from helpers.options import merged

LAYERS = ("block5_conv1", "block4_conv2")


def test_the_estimate_counts_what_a_whole_evaluation_holds_of_block_1():
    # Two layers of 64 filters, and three more such maps for the way back, four bytes each; a small rest.
    before, after = (peak_memory(side, side, ["block1_conv2"]) for side in (100, 200))
    images = 3 * 4 * (memory._IMAGES + 2 * LONGEST_HISTORY)
    assert (after - before) / 30000 == pytest.approx(5 * 64 * 4 + images + 64 * 4)


def test_every_further_way_needs_less_of_a_large_picture():
    needed = [peak_memory(3000, 4000, LAYERS, "float32", way) for way in memory._TILINGS]
    assert needed == sorted(needed, reverse=True)
    assert peak_memory(3000, 4000, LAYERS, "bfloat16") < needed[0]


def test_a_picture_of_2048_pixels_fits_into_6_gb():
    assert peak_memory(2048, 2048, LAYERS, "float32", fitting_tiling(2048, 2048, LAYERS, limit=6)) < 6 * GB


def test_small_pictures_are_taken_whole_and_larger_ones_in_tiles(monkeypatch):
    monkeypatch.setattr(memory, "memory_to_be_had", lambda: 12 * GB)
    assert fitting_tiling(256, 384, LAYERS) is None
    assert fitting_tiling(1024, 1536, LAYERS) is not None
    assert fitting_tiling(512, 768, LAYERS, limit=1.9).cut == "block2_pool"
    assert fitting_tiling(2048, 2048, LAYERS, limit=4.0).cut is None


def test_a_limit_that_is_too_low_names_the_size_that_fits(monkeypatch):
    with pytest.raises(
        MemoryError, match=r"4096 pixels needs .* 1.5 GB is allowed; a shorter side of (\d+)"
    ) as raised:
        fitting_tiling(4096, 4096, LAYERS, limit=1.5)
    side = int(str(raised.value).split("shorter side of ")[1].split()[0])
    assert fitting_tiling(side, side, LAYERS, limit=1.5) is not False
    with pytest.raises(MemoryError):
        fitting_tiling(side + 1, side + 1, LAYERS, limit=1.5)
    monkeypatch.setattr(memory, "memory_to_be_had", lambda: 0.5 * GB)
    with pytest.raises(MemoryError, match="can be had here; no picture would fit"):
        fitting_tiling(64, 64, LAYERS)


@pytest.mark.parametrize("limit", [0, -1.0, float("nan"), float("inf")])
def test_a_limit_is_a_number_above_0(limit):
    with pytest.raises(ValueError, match="GB, is a number above 0"):
        fitting_tiling(64, 64, LAYERS, limit=limit)


def test_there_is_some_memory_here():
    assert memory.memory_to_be_had() > 0.5 * GB


def test_a_transfer_in_tiles_is_the_transfer_of_the_whole(photo, painting, monkeypatch):
    run = {"steps": 3, "progress": False, "weights": "bundled", "precision": "float32"}
    whole = transfer(photo, painting, **merged(run))
    monkeypatch.setattr(memory, "_TILINGS", (Tiling(16, "block2_pool"),))
    tiled = transfer(photo, painting, **merged(run))
    for record, other in zip(whole.history, tiled.history, strict=True):
        assert other["total"] == pytest.approx(record["total"], rel=1e-3)


def test_a_transfer_that_does_not_fit_says_so_before_it_begins(photo, painting):
    with pytest.raises(MemoryError, match=r"0\.1 GB is allowed"):
        transfer(photo, painting, **merged({"memory": 0.1, "steps": 1, "progress": False}))
