"""A run as a film: collect frames during a run, write them as a GIF or an animated WebP."""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.engine.coarse_to_fine import Callback, Record
from helpers.errors import ArgumentError, check_number
from helpers.files.writing import atomic_write
from helpers.images import as_uint8, image_format, resize_image


def filming(frames: list[np.ndarray], every: int = 1) -> Callback:
    """A callback for a recipe that collects frames: ``transfer(…, callback=filming(frames))``.

    ``frames``: the list to which the frames are appended, ``uint8 (H, W, 3)`` each. ``every``: the number of
    steps from one frame to the next.
    """

    def keep(record: Record, image: Callable[[], np.ndarray]) -> None:
        if (record["step"] - 1) % every == 0:
            frames.append(image())

    return keep


def save_film(frames: Sequence[np.ndarray], path: str | os.PathLike, seconds: float = 6.0) -> Path:
    """Write frames as a film that repeats and shows its last frame 1.5 s longer.

    ``frames``: ``(H, W, 3)``, 0…255; all are resized to the size of the last one. ``path``: ends in ``.gif``
    (256 colors a frame) or ``.webp`` (all colors, a smaller file). ``seconds``: the duration, without the
    pause at the end. If there are more than 25 frames a second, some are left out.

    Returns the path. Raises ``ArgumentError`` for no frames, another ending or a duration not above 0.
    """
    kind = image_format(path, film=True)
    if not len(frames):
        raise ArgumentError("A film needs at least one frame.")
    check_number("The duration of a film in seconds", seconds, above=True)
    every = math.ceil(len(frames) / max(1, 25 * seconds))
    height, width = frames[-1].shape[:2]
    pictures = [
        Image.fromarray(as_uint8(resize_image(np.asarray(frame), height, width)))
        for frame in frames[::-every][::-1]
    ]
    each = round(1000 * seconds / len(pictures))
    durations = [each] * (len(pictures) - 1) + [each + 1500]
    # Quality and method are WebP's, the optimization is GIF's.
    options = {"quality": 90, "method": 4, "optimize": False, "save_all": True, "loop": 0}
    with atomic_write(Path(path)) as partial:
        pictures[0].save(partial, format=kind, append_images=pictures[1:], duration=durations, **options)
    return Path(path)
