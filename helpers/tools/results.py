"""The pictures under images/results/: what each is made from, so that a reader can make it again."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from helpers.errors import ArgumentError
from helpers.files.bundled import IMAGES
from helpers.layers import STYLE_LAYERS
from helpers.progress import clock

RESULTS_FOLDER = IMAGES / "results"

_LARGE = {"size": 384, "style_weight": 60.0, "steps": 150, "network": {"weights": "bundled"}}
_SMALL = {"size": 256, "steps": 100, "network": {"weights": "bundled"}}

_CONTROLS: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "colors": {"colors": "luma"},
    "blend": {"style": ["village_street_in_auvers", "great_wave"]},
    "strokes": {"style_scale": 1.75},
    "regions": {
        "style": ["great_wave", "village_street_in_auvers"],
        "masks": ["temple_sky", "temple_ground"],
    },
    "parts": {
        "style": ["village_street_in_auvers"] * 2,
        "masks": ["temple_sky", "temple_ground"],
        "style_masks": ["village_sky", "village_ground"],
    },
}
"""The settings that the README shows beside each other, all of one content image."""


def _described() -> dict[str, tuple[str, dict[str, Any]]]:
    described: dict[str, tuple[str, dict[str, Any]]] = {
        "transfer_large": (
            "transfer",
            {"content": "temple", "style": "village_street_in_auvers", **_LARGE},
        )
    }
    for content, style, style_weight in (
        ("temple", "great_wave", 100.0),
        ("coffee", "composition_viii", 100.0),
        ("cat", "moulin_de_la_galette", 20.0),
        ("astronaut", "village_street_in_auvers", 40.0),
    ):
        described[f"transfer_{content}_{style}"] = (
            "transfer",
            {"content": content, "style": style, "style_weight": style_weight, **_SMALL},
        )
    for name, control in _CONTROLS.items():
        described[f"control_{name}"] = (
            "transfer",
            {"content": "temple", "style": "village_street_in_auvers", **control, **_SMALL},
        )
    for layer in STYLE_LAYERS:
        described[f"reconstruction_{layer}"] = (
            "reconstruct",
            {"image": "temple", "layer": layer, "size": 256, "steps": 120, "network": {"weights": "bundled"}},
        )
    for count in range(1, 6):
        described[f"texture_{count}_layers"] = (
            "synthesize_texture",
            {
                "image": "village_street_in_auvers",
                "layers": STYLE_LAYERS[:count],
                "size": 256,
                "source_size": 256,
                "steps": 120,
                "network": {"weights": "bundled"},
            },
        )
    return described


RESULTS: Mapping[str, tuple[str, dict[str, Any]]] = _described()
"""The name of each picture, the recipe that makes it, and the recipe's arguments."""


def make_results(names: Iterable[str] = (), folder: Path = RESULTS_FOLDER) -> None:
    """Make pictures of ``RESULTS`` again, by default all of them.

    Raises ``ArgumentError`` for an unknown name.
    """
    from helpers import recipes

    names = list(names) or list(RESULTS)
    unknown = [name for name in names if name not in RESULTS]
    if unknown:
        raise ArgumentError(f"There is no result {', '.join(unknown)}; there are {', '.join(RESULTS)}.")
    folder.mkdir(exist_ok=True)
    for name in names:
        recipe, arguments = RESULTS[name]
        began = time.perf_counter()
        path = getattr(recipes, recipe)(**arguments).save(folder / f"{name}.png")
        print(f"{path.name}: {clock(time.perf_counter() - began)}", flush=True)
