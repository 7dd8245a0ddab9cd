"""The pictures under images/results/, each with the recipe and the arguments that make it."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from helpers.errors import ArgumentError
from helpers.files.bundled import IMAGES
from helpers.layers import STYLE_LAYERS
from helpers.progress import clock

RESULTS_FOLDER = IMAGES / "results"

_TEMPLE, _VILLAGE = "temple", "village_street_in_auvers"

_CONTROLS: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "colors": {"colors": "luma"},
    "blend": {"style": [_VILLAGE, "great_wave"]},
    "strokes": {"style_scale": 1.75},
    "regions": {"style": ["great_wave", _VILLAGE], "masks": ["temple_sky", "temple_ground"]},
    "parts": {
        "style": [_VILLAGE] * 2,
        "masks": ["temple_sky", "temple_ground"],
        "style_masks": ["village_sky", "village_ground"],
    },
}
"""Arguments that the README compares, all for the content image ``temple``."""


def _transfer(content: str, style: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    arguments = {"size": 256, "steps": 100, **arguments}
    return "transfer", {"content": content, "style": style, **arguments, "network": {"weights": "bundled"}}


def _from_noise(recipe: str, image: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    size = {"size": 256, "steps": 120, "network": {"weights": "bundled"}}
    return recipe, {"image": image, **arguments, **size}


RESULTS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "transfer_large": _transfer(_TEMPLE, _VILLAGE, size=384, style_weight=60.0, steps=150),
    **{
        f"transfer_{content}_{style}": _transfer(content, style, style_weight=style_weight)
        for content, style, style_weight in (
            (_TEMPLE, "great_wave", 100.0),
            ("coffee", "composition_viii", 100.0),
            ("cat", "moulin_de_la_galette", 20.0),
            ("astronaut", _VILLAGE, 40.0),
        )
    },
    **{
        f"control_{name}": _transfer(**{"content": _TEMPLE, "style": _VILLAGE, **control})
        for name, control in _CONTROLS.items()
    },
    **{f"reconstruction_{layer}": _from_noise("reconstruct", _TEMPLE, layer=layer) for layer in STYLE_LAYERS},
    **{
        f"texture_{count}_layers": _from_noise(
            "synthesize_texture", _VILLAGE, layers=STYLE_LAYERS[:count], source_size=256
        )
        for count in range(1, 6)
    },
}
"""The name of each picture, its recipe, and the recipe's arguments."""


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
