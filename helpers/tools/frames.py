"""Films: style transfer for each frame, with temporal consistency between frames."""

import contextlib
import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageSequence
from scipy import ndimage

from helpers.engine.run import fingerprint
from helpers.errors import ArgumentError, PictureError
from helpers.files.decoding import opened
from helpers.images import load_image, preprocess, resize_image
from helpers.options import merged
from helpers.recipes import Result, transfer
from helpers.terms import Scene, Term, change_term
from helpers.tools.finished import checksum, finished, save_finished

Motion = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""A frame and the next → the backward flow, ``(H, W, 2)``: the displacement in pixels, down and to the right,
from each pixel of the next frame to where it was in the frame; NaN where it was not visible."""


def load_frames(source: str | os.PathLike, size: int | None = None) -> Iterator[np.ndarray]:
    """The frames of a film as images ``float32 (H, W, 3)``, one after the other.

    ``source``: a folder of pictures, in the order of their names, or an animated GIF or WebP. ``size``: the
    shorter side of the frames.
    Raises the errors of ``load_image``, and ``PictureError`` for a folder without pictures.
    """
    if not Path(source).is_dir():
        with opened(source) as film:
            yield from (load_image(frame.copy(), size) for frame in ImageSequence.Iterator(film))
        return
    endings = Image.registered_extensions()
    paths = sorted(path for path in Path(source).iterdir() if path.suffix.lower() in endings)
    if not paths:
        raise PictureError(f"There are no pictures in the folder {source}.")
    yield from (load_image(path, size) for path in paths)


def paint_frames(
    frames: Iterable[Any],
    style: Any,
    folder: str | os.PathLike,
    *,
    steps: int = 80,
    next_steps: int = 30,
    consistency_weight: float = 0.01,
    motion: Motion | None = None,
    **arguments: Any,
) -> list[Result]:
    """Style transfer for each frame of a film, with temporal consistency between frames.

    Each frame but the first is initialized with the result before, warped along the motion, and
    ``change_term`` penalizes changes relative to it. Disoccluded areas are initialized with the frame itself.
    The film still flickers there and where the frames change; ``flicker`` measures how much.

    ``frames``: all of one size, see ``load_frames``. ``folder``: where ``frame_0001.png`` and so on are
    written; created if missing. A frame that is there already, made from the same frames with the same
    arguments, is not painted again, so that an interrupted call can be repeated. An interrupt (Ctrl-C, a
    notebook's stop button) ends the call without a picture of the current frame.
    ``steps``, ``next_steps``: for the first frame, and for each other. ``consistency_weight``: the weight of
    ``change_term``; 0 leaves it out. ``motion``: ``shift``, ``optical_flow``, or a function of your own, see
    ``Motion``; ``None`` assumes no motion. ``arguments``: see ``transfer``.

    Returns the results. Raises ``ArgumentError`` if there are no frames or their sizes differ.
    Source: Ruder, Dosovitskiy and Brox (2016), "Artistic style transfer for videos"; short-term consistency
    only, without the long-term and multi-pass algorithms.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    arguments = merged(arguments)
    motion_of = motion or _at_rest
    noted = [steps, next_steps, consistency_weight, getattr(motion, "__name__", motion)]
    styles = style if isinstance(style, (list, tuple)) else [style]
    noted += [fingerprint(load_image(image)) for image in styles]
    results: list[Result] = []
    previous: np.ndarray | None = None
    for number, frame in enumerate(map(load_image, frames), start=1):
        if previous is not None and frame.shape != previous.shape:
            raise ArgumentError(f"Frame {number} has another size than the one before it.")
        path = folder / f"frame_{number:04d}.png"
        before = fingerprint(results[-1].image) if results else None
        made_from = checksum(arguments, *noted, fingerprint(frame), before)
        result = finished(path, made_from)
        if result is None:
            for_frame: dict[str, Any] = {"steps": steps}
            if previous is not None:
                warped = warp(load_image(results[-1].image), motion_of(previous, frame))
                for_frame = {"steps": next_steps, **_next(frame, *warped, consistency_weight, arguments)}
            with _no_unfinished_picture():
                result = transfer(frame, style, **merged(arguments, for_frame))
            save_finished(result, path, made_from)
        results.append(result)
        previous = frame
    if not results:
        raise ArgumentError("There are no frames to paint.")
    return results


def _next(
    frame: np.ndarray, warped: np.ndarray, visible: np.ndarray, weight: float, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of ``transfer`` for a frame, from the result before it, warped along the motion."""
    start = np.where(visible[..., np.newaxis] > 0, warped, frame)
    terms = {"change": _change(weight, warped, visible)} if weight else {}
    return {"start": start, "run": {"scales": 1}, "terms": {**(arguments.get("terms") or {}), **terms}}


def _change(weight: float, warped: np.ndarray, visible: np.ndarray) -> Callable[[Scene], Term]:
    def term(scene: Scene) -> Term:
        return change_term(weight, preprocess(resize_image(warped, *scene.content.shape[1:3])), visible)

    return term


@contextlib.contextmanager
def _no_unfinished_picture() -> Iterator[None]:
    """Raise ``KeyboardInterrupt`` after an interrupted run, which returns its unfinished picture."""
    interrupts: list[int] = []
    before = signal.getsignal(signal.SIGINT)

    def interrupt(number: int, frame: Any) -> None:
        interrupts.append(number)
        before(number, frame)

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts:
        raise KeyboardInterrupt


def _at_rest(before: np.ndarray, frame: np.ndarray) -> np.ndarray:
    return np.zeros((*frame.shape[:2], 2), np.float32)


def shift(before: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """The motion of a panning camera: one translation of the whole picture, by phase correlation.

    If the translated frame is no closer to the next one than the frame itself is, the motion is 0.
    ``before``, ``frame``: ``(H, W, 3)``. Returns ``(H, W, 2)``, see ``Motion``.
    Source: Kuglin and Hines (1975), "The phase correlation image alignment method".
    """
    first, second = (np.asarray(image, np.float64).mean(axis=2) for image in (before, frame))
    window = np.outer(np.hanning(first.shape[0]), np.hanning(first.shape[1]))
    spectra = [np.fft.rfft2((image - image.mean()) * window) for image in (first, second)]
    cross_power = spectra[0] * np.conj(spectra[1])
    correlation = np.fft.irfft2(cross_power / np.maximum(np.abs(cross_power), 1e-9), s=first.shape)
    peak = np.unravel_index(np.argmax(correlation), correlation.shape)
    # The transform is periodic: beyond half the length, the displacement is negative.
    displacement = [at - size if at > size // 2 else at for at, size in zip(peak, first.shape, strict=True)]
    flow = np.broadcast_to(np.array(displacement, np.float32), (*first.shape, 2))
    moved, visible = warp(before, flow)
    difference = np.abs(moved - frame).mean(axis=2)
    closer = visible.any() and difference[visible > 0].mean() < np.abs(before - frame).mean()
    return flow if closer else np.zeros_like(flow)


def optical_flow(before: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """The motion of each pixel: the TV-L1 optical flow of scikit-image, which is not installed by default.

    Where the forward and backward flow are inconsistent, the pixel was occluded, and the flow is NaN.
    ``before``, ``frame``: ``(H, W, 3)``. Returns ``(H, W, 2)``, see ``Motion``. Raises ``ImportError``.
    Source: Zach, Pock and Bischof (2007), "A duality based approach for realtime TV-L1 optical flow"; the
    consistency check: Ruder, Dosovitskiy and Brox (2016), equation (5).
    """
    try:
        from skimage.registration import optical_flow_tvl1
    except ImportError:
        raise ImportError(
            f"An optical flow needs one more package: {sys.executable} -m pip install scikit-image"
        ) from None
    first, second = (np.asarray(image, np.float32).mean(axis=2) / 255 for image in (before, frame))
    # With the default attachment, 15, a fine texture that moves by five pixels is estimated to be at rest.
    backward, forward = (
        np.stack(optical_flow_tvl1(*pair, attachment=50), axis=-1)
        for pair in ((second, first), (first, second))
    )
    forward, _ = warp(forward, backward)
    gap = np.sum((forward + backward) ** 2, axis=-1)
    lengths = np.sum(forward**2 + backward**2, axis=-1)
    backward[gap > 0.01 * lengths + 0.5] = np.nan
    return backward


def warp(image: np.ndarray, flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Warp an image ``(H, W, N)`` along a flow, with bilinear interpolation.

    ``flow``: ``(H, W, 2)``, see ``Motion``. Returns the image, and ``(H, W)``: 1 where it is known, 0 where
    its source is outside the image or the flow is NaN. Raises ``ArgumentError`` if the sizes differ.
    """
    image = np.asarray(image, np.float32)
    height, width = image.shape[:2]
    if flow.shape != (height, width, 2):
        raise ArgumentError(f"A flow for this image has the shape {(height, width, 2)}, not {flow.shape}.")
    rows, columns = np.indices((height, width)) + np.moveaxis(flow, -1, 0)
    visible = (rows >= 0) & (rows <= height - 1) & (columns >= 0) & (columns <= width - 1)
    source = np.nan_to_num([rows, columns])
    channels = np.moveaxis(image, -1, 0)
    moved = [ndimage.map_coordinates(channel, source, order=1, mode="nearest") for channel in channels]
    return np.stack(moved, axis=-1), visible.astype(np.float32)


def flicker(pictures: Sequence[Any], frames: Sequence[Any], motion: Motion | None = None) -> float:
    """The mean absolute change from each picture to the next along the motion, in gray levels.

    ``pictures``: painted frames, or the frames themselves to compare with. ``frames``: the frames that they
    were painted from. ``motion``: see ``Motion``; disoccluded pixels do not count.

    Raises ``ArgumentError`` for fewer than two pictures, or another number of frames.
    """
    if len(pictures) != len(frames) or len(pictures) < 2:
        raise ArgumentError("Flicker is measured on two frames or more, and as many pictures of them.")
    pairs = (itertools.pairwise(map(load_image, images)) for images in (pictures, frames))
    changes = []
    for (first, second), (before, frame) in zip(*pairs, strict=True):
        moved, visible = warp(first, (motion or _at_rest)(before, frame))
        changes.append(np.abs(second - moved)[visible > 0].mean())
    return float(np.mean(changes))
