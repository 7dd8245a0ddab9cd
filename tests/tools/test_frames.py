"""Films of a run, and style transfer of the frames of a film."""

import signal
import sys

import numpy as np
import pytest
from PIL import Image

from helpers import (
    filming,
    flicker,
    load_frames,
    load_image,
    optical_flow,
    paint_frames,
    save_film,
    shift,
    transfer,
    warp,
)
from helpers.options import merged

TINY = {"steps": 3, "next_steps": 2, "weights": "bundled", "precision": "float32", "progress": False}


def frames_of(path):
    with Image.open(path) as film:
        return film.n_frames, film.size, film.info.get("loop")


@pytest.mark.parametrize("ending", ["gif", "webp"])
def test_a_run_becomes_a_film(tmp_path, ending):
    frames = []
    result = transfer(
        load_image("cat", 48),
        "great_wave",
        **merged({"steps": 4, "weights": "bundled", "progress": False, "callback": filming(frames)}),
    )
    assert len(frames) == 4
    assert (frames[-1] == result.image).all()
    path = save_film(frames, tmp_path / f"run.{ending}", seconds=1)
    count, (width, height), loop = frames_of(path)
    assert (height, width, loop) == (*result.image.shape[:2], 0)
    # WebP stores a picture that hardly differs from the one before it as a longer look at that one.
    assert count == 4 if ending == "gif" else 2 <= count <= 4
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_film_collects_every_third_step_and_enlarges_small_frames(tmp_path):
    frames = []
    keep = filming(frames, every=3)
    for step in range(1, 8):
        size = 10 if step < 5 else 20
        keep({"step": step}, lambda size=size, step=step: np.full((size, size, 3), 30 * step, np.uint8))
    assert [frame.shape[0] for frame in frames] == [10, 10, 20]
    count, size, _ = frames_of(save_film(frames, tmp_path / "run.webp"))
    assert (count, size) == (3, (20, 20))


def test_a_short_film_of_many_frames_drops_some(tmp_path):
    frames = [np.full((8, 8, 3), value, np.uint8) for value in range(200)]
    count, *_ = frames_of(save_film(frames, tmp_path / "run.webp", seconds=1))
    assert count <= 25


@pytest.mark.parametrize(
    ("frames", "name", "seconds", "message"),
    [
        ([], "run.gif", 1, "at least one frame"),
        ([np.zeros((4, 4, 3))], "run.mp4", 1, "ends in .gif or .webp"),
        ([np.zeros((4, 4, 3))], "run.gif", 0, "a number above 0"),
    ],
)
def test_invalid_films_are_refused(tmp_path, frames, name, seconds, message):
    with pytest.raises(ValueError, match=message):
        save_film(frames, tmp_path / name, seconds)
    assert not list(tmp_path.iterdir())


def test_frames_from_a_folder_and_an_animation(tmp_path):
    pictures = [np.full((12, 16, 3), value, np.uint8) for value in (40, 120, 200)]
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number}.png")
    (folder / "notes.txt").write_text("not a frame")
    film = save_film(pictures, tmp_path / "film.gif", seconds=1)
    for source in (folder, film):
        found = list(load_frames(source))
        assert [round(float(frame.mean())) for frame in found] == pytest.approx([40, 120, 200], abs=2)
    assert next(load_frames(folder, size=6)).shape == (6, 8, 3)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no pictures in the folder"):
        list(load_frames(tmp_path / "empty"))
    with pytest.raises(FileNotFoundError):
        list(load_frames(tmp_path / "missing.gif"))


def test_a_translation_is_estimated_and_compensated():
    picture = load_image("temple", 96)
    before, frame = picture[10:80, 20:100], picture[14:84, 13:93]
    flow = shift(before, frame)
    assert (flow[0, 0] == (4, -7)).all()
    moved, visible = warp(before, flow)
    assert visible.mean() == pytest.approx((66 / 70) * (73 / 80), rel=1e-3)
    assert np.abs(moved - frame)[visible > 0].max() < 1e-3


def test_the_motion_between_unrelated_pictures_is_zero():
    generator = np.random.default_rng(0)
    first, second = generator.uniform(0, 255, (2, 40, 50, 3))
    assert not shift(first, first).any()
    assert np.abs(shift(np.full((40, 50, 3), 9.0), second)).max() == 0


def test_optical_flow_follows_an_object_and_marks_disoccluded_pixels():
    pytest.importorskip("skimage")
    background = load_image("grass", 120)[:80, :120]
    cat = load_image("cat", 96)[20:50, 20:50]
    before, frame = background.copy(), background.copy()
    before[20:50, 30:60] = cat
    frame[23:53, 35:65] = cat
    flow = optical_flow(before, frame)
    inside, outside = flow[30:46, 42:58], flow[:, 85:]
    assert np.nanmedian(inside, axis=(0, 1)) == pytest.approx((-3, -5), abs=0.3)
    assert np.nanmedian(np.abs(outside)) < 0.1
    moved, visible = warp(before, flow)
    # The object has moved to the right, and the grass at its left was occluded before.
    assert np.isfinite(inside).mean() > 0.9
    assert visible[25:48, 31:34].mean() < 0.5
    error, error_before = (np.abs(image - frame)[26:50, 38:62].mean() for image in (moved, before))
    assert error < 0.3 * error_before


def test_a_flow_without_its_package_raises_a_helpful_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.registration", None)
    with pytest.raises(ImportError, match="pip install scikit-image"):
        optical_flow(np.zeros((4, 4, 3)), np.zeros((4, 4, 3)))


def test_a_warp_marks_pixels_without_a_source():
    flow = np.zeros((4, 5, 2))
    flow[1, 2] = np.nan
    moved, visible = warp(np.ones((4, 5, 3)), flow)
    assert np.isfinite(moved).all()
    assert visible.sum() == 19
    assert visible[1, 2] == 0


def test_a_warp_interpolates_and_needs_a_flow_of_the_same_size():
    ramp = np.tile(np.arange(6, dtype=np.float32)[:, None, None], (1, 5, 3))
    moved, visible = warp(ramp, np.full((6, 5, 2), (0.5, 0.0)))
    assert moved[:5, 0, 0] == pytest.approx(np.arange(5) + 0.5)
    assert visible[:, 0].tolist() == [1, 1, 1, 1, 1, 0]
    with pytest.raises(ValueError, match=r"shape \(6, 5, 2\)"):
        warp(ramp, np.zeros((3, 3, 2)))


def test_frames_change_less_than_without_the_consistency_term(tmp_path):
    picture = load_image("cat", 72)
    frames = [picture[:48, 2 * at : 2 * at + 60] for at in range(3)]
    consistent = paint_frames(
        frames, "great_wave", tmp_path / "consistent", motion=shift, consistency_weight=1e5, **TINY
    )
    assert [path.name for path in sorted((tmp_path / "consistent").iterdir())] == [
        f"frame_{number:04d}.png" for number in (1, 2, 3)
    ]
    assert "change" in consistent[1].history[-1]
    assert "change" not in consistent[0].history[-1]
    free = paint_frames(frames, "great_wave", tmp_path / "free", consistency_weight=0, **TINY)
    moved, visible = warp(load_image(consistent[0].image), shift(frames[0], frames[1]))
    change, free_change = (
        np.abs(moved - load_image(results[1].image))[visible > 0].mean() for results in (consistent, free)
    )
    assert change < free_change


def test_disoccluded_areas_are_initialized_with_the_frame(tmp_path, monkeypatch):
    starts = []

    def remember(frame, painting, start="content", **arguments):
        starts.append(start)
        return transfer(frame, painting, **merged({"start": start}, arguments))

    monkeypatch.setattr("helpers.tools.frames.transfer", remember)
    picture = load_image("cat", 72)
    frames = [picture[:48, at : at + 60] for at in (0, 6)]
    paint_frames(frames, "great_wave", tmp_path, motion=shift, **TINY)
    assert starts[0] == "content"
    assert (starts[1][:, -6:] == frames[1][:, -6:]).all()
    assert (starts[1][:, :-6] != frames[1][:, :-6]).any()


def test_frames_that_exist_already_are_not_painted_again(tmp_path, monkeypatch):
    painted = []

    def count(frame, painting, **arguments):
        painted.append(frame)
        return transfer(frame, painting, **merged(arguments))

    monkeypatch.setattr("helpers.tools.frames.transfer", count)
    frames = [load_image(name, size=32, crop=True) for name in ("cat", "coffee", "rocket")]
    first = paint_frames(frames[:2], "great_wave", tmp_path, **TINY)
    assert len(painted) == 2
    again = paint_frames(frames, "great_wave", tmp_path, **TINY)
    assert len(painted) == 3
    for one, other in zip(first, again, strict=False):
        assert (one.image == other.image).all()
        assert one.history == other.history
    (tmp_path / "frame_0002.png").write_bytes(b"half a picture")
    paint_frames(frames, "great_wave", tmp_path, **TINY)
    assert 4 <= len(painted) <= 5
    paint_frames(frames[1:], "great_wave", tmp_path, **TINY)
    paint_frames(frames, "great_wave", tmp_path, **{**TINY, "style_weight": 7.0})
    assert len(painted) >= 9


def test_an_interrupt_ends_the_call_and_saves_no_unfinished_frame(tmp_path):
    frames = [load_image(name, size=32, crop=True) for name in ("cat", "coffee", "rocket")]
    before = signal.getsignal(signal.SIGINT)

    def interrupt(record, image):
        if (tmp_path / "frame_0001.png").exists() and record["step"] == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        paint_frames(frames, "great_wave", tmp_path, **{**TINY, "next_steps": 9}, callback=interrupt)
    assert [file.name for file in tmp_path.iterdir()] == ["frame_0001.png"]
    assert signal.getsignal(signal.SIGINT) is before
    assert len(paint_frames(frames, "great_wave", tmp_path, **TINY)) == 3


def test_frames_of_two_sizes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Frame 2 has another size"):
        paint_frames([np.full((40, 50, 3), 9), np.full((40, 40, 3), 9)], "great_wave", tmp_path, **TINY)
    with pytest.raises(ValueError, match="no frames"):
        paint_frames([], "great_wave", tmp_path, **TINY)


def test_flicker_in_gray_levels():
    frames = [np.full((4, 4, 3), value, np.float32) for value in (10, 30, 20)]
    assert flicker(frames, frames) == pytest.approx(15)
    assert flicker([2 * frame for frame in frames], frames) == pytest.approx(30)
    with pytest.raises(ValueError, match="two frames or more"):
        flicker(frames[:1], frames[:1])


def test_motion_alone_is_no_flicker():
    picture = load_image("temple", 96)
    pan = [picture[10 + at : 80 + at, 20:100] for at in (0, 3, 6)]
    assert flicker(pan, pan) > 3
    assert flicker(pan, pan, shift) < 1e-3
