"""Compare the bundled painters with optimization on photos: python .ci/painters.py PHOTO … [--size 256].

Prints a table in Markdown: the loss C + 50 S of transfer, and seconds, for the photo itself, the painter, 20
and 80 steps from the photo, and 20 steps from the painter's picture. Evaluations: how many the run from the
photo and the run from the painter's picture need to reach the loss that the former has after 20 steps.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from helpers import (
    CONTENT_LAYER,
    STYLE_LAYERS,
    Run,
    bundled_painters,
    content_term,
    feature_model,
    load_image,
    objective,
    paint,
    preprocess,
    style_term,
    transfer,
)


def timed(make: Callable[[], Any]) -> tuple[Any, float]:
    """The result of a call, and its seconds."""
    began = time.perf_counter()
    result = make()
    return result, time.perf_counter() - began


def row(photo: np.ndarray, name: str, size: int) -> list[str]:
    """Losses, seconds and evaluations of one photo and one painter."""
    style = load_image(name, size)
    see = feature_model([CONTENT_LAYER, *STYLE_LAYERS], normalized=True)
    of_style = see(preprocess(style))
    targets = {layer: of_style[layer] for layer in STYLE_LAYERS}
    content = content_term(see(preprocess(photo))[CONTENT_LAYER], CONTENT_LAYER, 1.0, per_entry=True)
    measure = objective([content, style_term(targets, 50.0)], normalized=True)
    loss = lambda image: measure(preprocess(image))[0]["total"]
    options = {"style_weight": 50.0, "run": Run(progress=False, scales=1)}
    paint(photo, name)
    transfer(photo, style, steps=1, **options)
    painted, seconds = timed(lambda: paint(photo, name))
    few, few_seconds = timed(lambda: transfer(photo, style, steps=20, **options))
    many, many_seconds = timed(lambda: transfer(photo, style, steps=80, **options))
    continued, _ = timed(lambda: transfer(photo, style, steps=20, start=painted, **options))
    goal = few.history[-1]["total"]
    reached = lambda history: next((r["evaluations"] for r in history if r["total"] <= goal), "more")
    return [
        f"{loss(photo):.1f}",
        f"{loss(painted):.1f} ({seconds:.2f} s)",
        f"{loss(few.image):.1f} ({few_seconds:.0f} s)",
        f"{loss(many.image):.1f} ({many_seconds:.0f} s)",
        f"{loss(continued.image):.1f}",
        f"{reached(few.history)} / {reached(continued.history)}",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    columns = ["photo, painter", "photo itself", "painter", "20 steps", "80 steps", "painter, then 20 steps"]
    print(f"| {' | '.join(columns)} | evaluations |\n|{7 * '---|'}")
    for source in options.photos:
        photo = load_image(source, options.size)
        for name in bundled_painters():
            cells = row(photo, name, options.size)
            print(f"| {Path(source).stem}, {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
