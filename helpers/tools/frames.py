"""Films as runs: frames painted in turn, each from the one before."""

import contextlib
import hashlib
import itertools
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageSequence

from helpers.engine.run import NOT_NOTED, fingerprint, json_ready
from helpers.errors import ArgumentError, PictureError
from helpers.files.decoding import opened
from helpers.images import as_uint8, load_image, preprocess, read_settings, resize_image, save_image
from helpers.options import merged
from helpers.recipes import Result, transfer
from helpers.terms import Scene, change_term

logger = logging.getLogger(__name__)

Motion = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""A frame and the next → for each pixel of the next, how many pixels down and to the right of it what it
shows was before: ``(H, W, 2)``, NaN where that was not to be seen before."""
_ATTACHMENT = 50
"""How much the flow is to fit the frames, beside how smooth it is: at scikit-image's 15, grain that moves by
five pixels is taken to stand still."""
_MADE_FROM = "made_from"


def load_frames(source: Any, size: int | None = None) -> Iterator[np.ndarray]:
    """The frames of a film as images ``float32 (H, W, 3)``, one after the other.

    ``source``: a folder of pictures, taken in the order of their names; an animated GIF or WebP; or a list
    of whatever ``load_image`` accepts. ``size``: their shorter side.
    Raises as ``load_image`` does, and ``PictureError`` for a folder without pictures.
    """
    if isinstance(source, (list, tuple)):
        yield from (load_image(each, size) for each in source)
        return
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
    steadiness: float = 0.01,
    motion: Motion | None = None,
    **arguments: Any,
) -> list[Result]:
    """Paint frames in turn, each from the one before, so that the paint stays where it is.

    The first frame is painted as any photo. Every other starts from the result before it, moved to where
    things are now, and a term holds it there: see ``change_term``. Even so, a film of these pictures
    flickers where things turn up or change; ``flicker`` says how much.

    ``frames``: as ``load_frames`` gives them, all of one size. ``folder``: where ``frame_0001.png`` and so
    on are written; made if missing. A frame that is there already, painted from the same frames with the
    same arguments, is not painted again, so a call that was cut off goes on where it was. An interrupt
    (Ctrl-C, a notebook's stop button) leaves the frame at hand unpainted and ends the call.
    ``steps``, ``next_steps``: for the first frame, and for each other. ``steadiness``: the weight of the
    term; 0 leaves it out. ``motion``: where things were, such as ``shift``, ``optical_flow`` or a
    flow of your own; ``None`` takes them to have stayed. ``arguments``: see ``transfer``.

    Returns the results. Raises ``ArgumentError`` where there are no frames or their sizes differ.
    Source: Ruder, Dosovitskiy and Brox (2016), "Artistic style transfer for videos"; short-term consistency
    only, without their long-term and multi-pass terms.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    before: np.ndarray | None = None
    given = style if isinstance(style, (list, tuple)) else [style]
    arguments = merged(arguments)
    lasting = merged(arguments, {"run": {"memory": None}})
    lasting["run"] = {name: value for name, value in lasting["run"].items() if name not in NOT_NOTED}
    told = {
        "styles": [fingerprint(load_image(each)) for each in given],
        "steps": [steps, next_steps],
        "hold": [steadiness, getattr(motion, "__name__", motion)],
        "arguments": json_ready(lasting),
    }
    for number, frame in enumerate(frames, start=1):
        frame = load_image(frame)
        path = folder / f"frame_{number:04d}.png"
        made_from = _checksum(told, frame, results)
        result = _painted_before(path, made_from)
        if result is not None:
            logger.info("%s is there already.", path)
        elif before is None:
            with _no_half_frames():
                result = transfer(frame, style, steps=steps, **arguments)
        else:
            if frame.shape != before.shape:
                raise ArgumentError(
                    f"Frame {number} is {frame.shape[1]} × {frame.shape[0]} pixels, "
                    f"the one before it {before.shape[1]} × {before.shape[0]}."
                )
            moved, seen = _moved(load_image(results[-1].image), before, frame, motion)
            held = {"change": _held(moved, seen, steadiness)} if steadiness else {}
            terms = {**(arguments.get("terms") or {}), **held}
            # What was not in the picture before is painted anew, from the frame itself.
            begin = np.where(seen[..., np.newaxis] > 0, moved, frame)
            one_scale = {"start": begin, "scales": 1, "steps": next_steps, "terms": terms}
            settings = merged(arguments, one_scale)
            with _no_half_frames():
                result = transfer(frame, style, **settings)
        noted = {**result.settings, "history": result.history, _MADE_FROM: made_from}
        save_image(result.image, path, noted)
        results.append(result)
        before = frame
    if not results:
        raise ArgumentError("There are no frames to paint.")
    return results


class _Interrupted(BaseException):
    """Unlike ``KeyboardInterrupt`` it is not for a run to catch, which would return what it has reached."""


@contextlib.contextmanager
def _no_half_frames() -> Iterator[None]:
    """Let an interrupt pass through a run, in place of ending it with a picture that seems finished."""
    before = signal.getsignal(signal.SIGINT)

    def interrupt(number: int, frame: Any) -> None:
        try:
            before(number, frame)
        except KeyboardInterrupt:
            raise _Interrupted from None

    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except _Interrupted:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, before)


def _checksum(told: dict[str, Any], frame: np.ndarray, results: Sequence[Result]) -> str:
    """What a frame's picture depends on: itself, what it is told, and the picture before it."""
    before = fingerprint(results[-1].image) if results else None
    text = json.dumps([told, fingerprint(frame), before], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _painted_before(path: Path, made_from: str) -> Result | None:
    if not path.is_file():
        return None
    try:
        settings = read_settings(path)
        if settings.pop(_MADE_FROM, None) == made_from:
            return Result(as_uint8(load_image(path)), settings.pop("history"), settings)
    except (PictureError, KeyError):
        pass
    return None


def _held(moved: np.ndarray, seen: np.ndarray, weight: float) -> Callable[[Scene], Any]:
    return lambda scene: change_term(weight, preprocess(resize_image(moved, *scene.content.shape[1:3])), seen)


def _moved(
    painted: np.ndarray, before: np.ndarray, frame: np.ndarray, motion: Motion | None
) -> tuple[np.ndarray, np.ndarray]:
    """The last result where things are now, and where that is known: 1, or 0 where it was not to be seen."""
    if motion is None:
        return painted, np.ones(painted.shape[:2], np.float32)
    return warp(painted, motion(before, frame))


def shift(before: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """The motion of a camera that pans: the one shift of the whole picture, by phase correlation.

    Where the shifted frame is no nearer to the next than the frame as it is, nothing moves.
    ``before``, ``frame``: ``(H, W, 3)``. Returns ``(H, W, 2)``, see ``Motion``.
    Source: Kuglin and Hines (1975), "The phase correlation image alignment method".
    """
    first, second = (np.asarray(image, np.float64).mean(axis=2) for image in (before, frame))
    window = np.outer(np.hanning(first.shape[0]), np.hanning(first.shape[1]))
    spectra = [np.fft.rfft2((image - image.mean()) * window) for image in (first, second)]
    cross = spectra[0] * np.conj(spectra[1])
    peaks = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-9), s=first.shape)
    place = np.unravel_index(np.argmax(peaks), peaks.shape)
    move = [at - length if at > length // 2 else at for at, length in zip(place, peaks.shape, strict=True)]
    flow = np.broadcast_to(np.array(move, np.float32), (*first.shape, 2))
    moved, seen = warp(before, flow)
    apart = np.abs(moved - frame).mean(axis=2)
    nearer = seen.any() and apart[seen > 0].mean() < np.abs(before - frame).mean()
    return flow if nearer else np.zeros_like(flow)


def optical_flow(before: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """The motion of each thing by itself: the TV-L1 flow of scikit-image, which is not installed by default.

    Where the way back and the way forth do not close, what is seen was hidden before, and the flow is NaN.
    ``before``, ``frame``: ``(H, W, 3)``. Returns ``(H, W, 2)``, see ``Motion``. Raises ``ImportError``.
    Source: Zach, Pock and Bischof (2007), "A duality based approach for realtime TV-L1 optical flow"; the
    closing of the ways: Ruder, Dosovitskiy and Brox (2016), equation (5).
    """
    try:
        from skimage.registration import optical_flow_tvl1
    except ImportError:
        raise ImportError(
            f"An optical flow needs one more package: {sys.executable} -m pip install scikit-image"
        ) from None
    first, second = (np.asarray(image, np.float32).mean(axis=2) / 255 for image in (before, frame))
    back, forth = (
        np.stack(optical_flow_tvl1(*pair, attachment=_ATTACHMENT), axis=-1)
        for pair in ((second, first), (first, second))
    )
    there, _ = warp(forth, back)
    gap, ways = np.sum((there + back) ** 2, axis=-1), np.sum(there**2 + back**2, axis=-1)
    back[gap > 0.01 * ways + 0.5] = np.nan
    return back


def warp(image: np.ndarray, flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An image moved by a flow, ``(H, W, N)``, and ``(H, W)``: 1, or 0 where its source is not in the image.

    ``flow``: ``(H, W, 2)``, see ``Motion``. Between pixels it interpolates linearly.
    Raises ``ArgumentError`` where the sizes differ.
    """
    image = np.asarray(image, np.float32)
    if flow.shape != (*image.shape[:2], 2):
        raise ArgumentError(f"A flow for this image has the shape {(*image.shape[:2], 2)}, not {flow.shape}.")
    height, width = image.shape[:2]
    at = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), axis=-1) + flow
    inside = ((at >= 0) & (at <= (height - 1, width - 1))).all(axis=-1)
    at = np.clip(np.nan_to_num(at), 0, (height - 1, width - 1))
    first = np.floor(at).astype(int)
    second = np.minimum(first + 1, (height - 1, width - 1))
    down, across = (at - first)[..., :1], (at - first)[..., 1:]
    upper = image[first[..., 0], first[..., 1]] * (1 - across) + image[first[..., 0], second[..., 1]] * across
    lower = (
        image[second[..., 0], first[..., 1]] * (1 - across) + image[second[..., 0], second[..., 1]] * across
    )
    moved = upper * (1 - down) + lower * down
    return moved.astype(np.float32), inside.astype(np.float32)


def flicker(pictures: Sequence[Any], frames: Sequence[Any], motion: Motion | None = None) -> float:
    """By how many gray levels things change from picture to picture, on average, where they can be followed.

    ``pictures``: painted frames, or the frames themselves to compare with. ``frames``: what they were
    painted from, as many. ``motion``: how things move in the frames, see ``Motion``; what it cannot follow,
    because it was not in the picture before, does not count.

    Raises ``ArgumentError`` for fewer than two pictures, or another number of frames.
    """
    if len(pictures) != len(frames) or len(pictures) < 2:
        raise ArgumentError("Flicker is a matter of two frames or more, and as many pictures of them.")
    changes = []
    for (first, second), (before, frame) in zip(
        itertools.pairwise(map(load_image, pictures)),
        itertools.pairwise(map(load_image, frames)),
        strict=True,
    ):
        moved, seen = _moved(first, before, frame, motion)
        changes.append(np.abs(second - moved)[seen > 0].mean())
    return float(np.mean(changes))
