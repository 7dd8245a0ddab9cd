"""Which precision is chosen, and on which processors."""

import pytest

from helpers.compute import precision as precision_module
from helpers.vgg import winograd_layers


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fma avx2", False),
        ("avx512f avx512_bf16", True),
        ("avx512_bf16 amx_bf16", False),
        ("asimd bf16", True),
    ],
)
def test_winograd_in_bfloat16_is_for_processors_that_multiply_its_vectors(monkeypatch, flags, expected):
    before = winograd_layers("float32")
    monkeypatch.setattr(precision_module.Path, "read_text", lambda path, encoding: f"flags : {flags}")
    precision_module.has_bfloat16_dot_product.cache_clear()
    assert bool(winograd_layers("bfloat16")) == (expected and bool(before))
    assert winograd_layers("float32") == before
    precision_module.has_bfloat16_dot_product.cache_clear()


@pytest.mark.parametrize(
    ("glance", "seconds", "expected", "looks"),
    [
        (3.5, None, "float32", 1),
        (2.5, 0.8, "mixed", 2),
        (1.0, 0.9, "mixed", 2),
        (0.5, 0.95, "float32", 2),
    ],
)
def test_bfloat16_is_chosen_where_it_is_clearly_faster(monkeypatch, glance, seconds, expected, looks):
    looked = []

    def measured(sides, rounds):
        looked.append(sides)
        return {"float32": 1.0, "bfloat16": glance if len(looked) == 1 else seconds}

    monkeypatch.setattr(precision_module, "_seconds_of_convolution", measured)
    assert precision_module.faster_precision.__wrapped__() == expected
    assert len(looked) == looks


def test_a_convolution_takes_time_in_each_precision():
    seconds = precision_module._seconds_of_convolution({64: 8}, rounds=2)
    assert set(seconds) == {"float32", "bfloat16"}
    assert all(0 < each < 60 for each in seconds.values())
