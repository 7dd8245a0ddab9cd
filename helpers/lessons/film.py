"""A run as a film: frames kept while a picture is painted."""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.engine.coarse_to_fine import Callback, Record
from helpers.errors import ArgumentError
from helpers.files.writing import written_whole
from helpers.images import as_uint8, film_format, resize_image

_FRAMES_PER_SECOND = 25
_HOLD = 1.5


def filming(frames: list[np.ndarray], every: int = 1) -> Callback:
    """A callback for a recipe that keeps its pictures: ``transfer(…, callback=filming(frames))``.

    ``frames``: the list that they are appended to, ``uint8 (H, W, 3)`` each; ``every``: of how many steps
    one is kept. Raises ``ArgumentError`` for less than 1.
    """
    if every < 1:
        raise ArgumentError(f"A film keeps one of at least 1 step, not of {every}.")

    def keep(record: Record, image: Callable[[], np.ndarray]) -> None:
        if (record["step"] - 1) % every == 0:
            frames.append(image())

    return keep


def save_film(frames: Sequence[np.ndarray], path: str | os.PathLike, seconds: float = 6.0) -> Path:
    """Write frames as a film that loops, and rests on its last picture for a moment.

    ``frames``: ``(H, W, 3)``, 0…255; small ones, of a coarse-to-fine run, are enlarged to the last one's
    size. ``path``: ends in ``.gif`` (256 colors a frame) or ``.webp`` (all colors, a smaller file).
    ``seconds``: how long it runs; of more frames than the eye needs, some are left out.

    Returns the path. Raises ``ArgumentError`` for no frames, another ending or a duration not above 0.
    """
    kind = film_format(path)
    if not len(frames):
        raise ArgumentError("A film needs at least one frame.")
    if not (math.isfinite(seconds) and seconds > 0):
        raise ArgumentError(f"A film runs for some seconds above 0, not {seconds}.")
    most = max(1, round(seconds * _FRAMES_PER_SECOND))
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(most, len(frames))).round().astype(int))
    height, width = frames[-1].shape[:2]
    pictures = [
        Image.fromarray(as_uint8(resize_image(np.asarray(frames[number]), height, width)))
        for number in chosen
    ]
    each = round(1000 * seconds / len(pictures))
    durations = [each] * (len(pictures) - 1) + [each + round(1000 * _HOLD)]
    options = {"quality": 90, "method": 4} if kind == "WEBP" else {"optimize": False}
    with written_whole(Path(path)) as partial:
        pictures[0].save(
            partial,
            format=kind,
            save_all=True,
            append_images=pictures[1:],
            duration=durations,
            loop=0,
            **options,
        )
    return Path(path)
