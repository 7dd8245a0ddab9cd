"""Galleries of tiny pictures, painted by processes and on a Dask cluster on this machine."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from helpers import load_image, read_settings
from helpers.options import merged
from helpers.tools import gallery
from helpers.tools.gallery import paint_gallery

TINY = {"size": 32, "steps": 1, "weights": "bundled", "precision": "float32"}


def files(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


@pytest.fixture(scope="module")
def painted(tmp_path_factory):
    """Two pictures, painted here as a process of the gallery paints them."""
    jobs = gallery._jobs(["temple", "cat"], ["great_wave"], tmp_path_factory.mktemp("gallery"), TINY)
    for path, job in jobs.items():
        gallery.paint_pair(job, path, {})
    return list(jobs)


@pytest.fixture
def no_process(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)


@pytest.fixture
def instead(monkeypatch):
    """Let processes run other code; it gets the same job and path as arguments."""
    start = subprocess.Popen

    def put(code):
        monkeypatch.setattr(
            subprocess,
            "Popen",
            lambda command, **more: start([sys.executable, "-c", code, *command[-2:]], **more),
        )

    return put


@pytest.mark.slow
def test_every_pair_is_painted_by_two_workers_with_its_settings(tmp_path, painted):
    folder = tmp_path / "of" / "pairs"
    paths = paint_gallery(["temple", "cat"], ["great_wave"], folder, TINY, workers=2)
    assert [path.name for path in paths] == [path.name for path in painted]
    for path in paths:
        assert min(load_image(path).shape[:2]) == 32
        arguments = read_settings(path)["arguments"]
        assert path.stem == f"{arguments['content']}_{arguments['style']}"
        recorded = {**arguments, **arguments["network"]}
        assert {name: recorded[name] for name in TINY} == TINY


@pytest.mark.usefixtures("no_process")
def test_pictures_that_exist_are_not_painted_again(painted, capsys):
    folder = painted[0].parent
    before = files(folder)
    for overwrite in (False, True):
        again = {"arguments": {**TINY, "memory": 9}, "overwrite": overwrite}
        assert paint_gallery(["temple", "cat"], ["great_wave"], folder, **again) == painted
    assert files(folder) == before
    assert capsys.readouterr().out.split("\n")[1] == "2 of 2: cat_great_wave.png is there already"


def test_only_missing_pictures_are_painted(painted, capsys):
    folder = painted[0].parent
    before = files(folder)
    painted[1].unlink()
    paint_gallery(["temple", "cat"], ["great_wave"], folder, TINY)
    after = files(folder)
    assert after["temple_great_wave.png"] == before["temple_great_wave.png"]
    assert after["cat_great_wave.png"] > before["cat_great_wave.png"]
    assert capsys.readouterr().out.split("\n")[1] == "2 of 2: cat_great_wave.png"


@pytest.mark.usefixtures("no_process")
@pytest.mark.parametrize("changed", [{"steps": 2}, {"style_weight": 7}, {"size": 33}, {"start": "noise"}])
def test_other_settings_are_not_mistaken_for_done(painted, changed):
    with pytest.raises(FileExistsError, match=r"temple_great_wave\.png"):
        paint_gallery(["temple"], ["great_wave"], painted[0].parent, {**TINY, **changed})


@pytest.mark.usefixtures("no_process")
def test_another_picture_of_the_same_name_is_not_mistaken_for_done(painted, tmp_path):
    other = tmp_path / "temple.png"
    gallery.transfer("cat", "great_wave", **merged(TINY, {"progress": False})).save(other)
    with pytest.raises(FileExistsError, match=r"temple_great_wave\.png"):
        paint_gallery([other], ["great_wave"], painted[0].parent, TINY)


def test_another_file_is_only_replaced_on_request(tmp_path, instead):
    precious = tmp_path / "cat_great_wave.png"
    precious.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="overwritten"):
        paint_gallery(["cat"], ["great_wave"], tmp_path, TINY)
    assert precious.read_bytes() == b"precious"
    instead("import pathlib, sys; pathlib.Path(sys.argv[2]).write_bytes(b'new')")
    paint_gallery(["cat"], ["great_wave"], tmp_path, TINY, overwrite=True)
    assert precious.read_bytes() == b"new"


@pytest.mark.usefixtures("no_process")
@pytest.mark.parametrize(
    ("contents", "styles", "more", "error", "message"),
    [
        ([], ["great_wave"], {}, ValueError, "at least one content image"),
        (["cat"], [], {}, ValueError, "one style image"),
        (["cat", "cat"], ["great_wave"], {}, ValueError, "cat_great_wave.png"),
        (["cat"], ["great_wave"], {"workers": 0}, ValueError, "at least 1, not 0"),
        (["cat", "nowhere.jpg"], ["great_wave"], {}, FileNotFoundError, "nowhere.jpg"),
        (["cat"], ["great_wav"], {}, FileNotFoundError, "great_wav"),
        (["cat"], ["great_wave"], {"arguments": {"stepz": 1}}, ValueError, "stepz"),
        (["cat"], ["great_wave"], {"arguments": {"style_layers": "fc1"}}, ValueError, "fc1"),
    ],
)
def test_bad_input_is_refused_before_anything_is_painted(contents, styles, more, error, message, tmp_path):
    with pytest.raises(error, match=message):
        paint_gallery(contents, styles, tmp_path / "new", **{"arguments": TINY, **more})
    assert not (tmp_path / "new").exists()


def test_pairs_that_fail_are_named_and_the_others_are_painted(tmp_path, instead, capsys):
    instead(
        "import os, pathlib, sys\n"
        "if 'cat' in sys.argv[2]: os.kill(os.getpid(), 9)\n"
        "if 'coffee' in sys.argv[2]: raise ValueError('no canvas left')\n"
        "pathlib.Path(sys.argv[2]).touch()"
    )
    with pytest.raises(RuntimeError) as failed:
        paint_gallery(["cat", "coffee", "temple"], ["great_wave"], tmp_path, TINY, workers=2)
    assert str(failed.value).startswith("2 of 3 pictures are missing: ")
    for reason in (
        "coffee_great_wave.png (ValueError: no canvas left)",
        "cat_great_wave.png (its process ended with status -9)",
    ):
        assert reason in str(failed.value)
    assert list(files(tmp_path)) == ["temple_great_wave.png"]
    # They may end in any order.
    printed = [line.split(": ")[1] for line in capsys.readouterr().out.splitlines()]
    assert sorted(printed) == [
        "cat_great_wave.png failed",
        "coffee_great_wave.png failed",
        "temple_great_wave.png",
    ]


def test_an_interrupt_ends_the_processes(tmp_path, instead, monkeypatch):
    def interrupt(_):
        time.sleep(0.5)
        raise KeyboardInterrupt

    instead("import time; time.sleep(60)")
    monkeypatch.setattr(gallery, "as_completed", interrupt)
    with pytest.raises(KeyboardInterrupt):
        paint_gallery(["cat"], ["great_wave"], tmp_path, TINY)
    assert not [p for p in psutil.Process().children() if "time.sleep(60)" in str(p.cmdline())]


@pytest.mark.slow
def test_a_process_finds_the_helpers_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("helpers").mkdir()
    Path("helpers", "__init__.py").touch()
    assert paint_gallery(["cat"], ["great_wave"], "new", TINY) == [Path("new", "cat_great_wave.png")]
    assert list(files(tmp_path / "new")) == ["cat_great_wave.png"]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere"])
def test_a_scheduler_that_does_not_answer_is_named(tmp_path, monkeypatch, address):
    distributed = pytest.importorskip("distributed")
    client = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda address, timeout: client(address, timeout=timeout / 20))
    with pytest.raises(ConnectionError, match=f"No Dask scheduler answers at {address}"):
        paint_gallery(["cat"], ["great_wave"], tmp_path, TINY, scheduler=address)


def cluster_of_one(distributed):
    one = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    for _ in range(2):
        # On a busy machine the start of Dask's own thread can outlast the ten seconds that Dask gives it.
        with contextlib.suppress(AssertionError):
            return distributed.LocalCluster(processes=True, **one)
    return distributed.LocalCluster(processes=True, **one)


@pytest.mark.slow
def test_a_dask_cluster_paints_the_same_and_survives_the_loss_of_a_worker(
    tmp_path, painted, no_process, monkeypatch
):
    distributed = pytest.importorskip("distributed")
    contents, styles, path = ["temple", "cat"], ["great_wave"], tmp_path / "temple_great_wave.png"
    write, written = gallery.atomic_write, []

    def write_and_kill_the_worker(path):
        written.append(path)
        if len(written) == 1:
            os.kill(cluster.workers[0].pid, signal.SIGKILL)
        return write(path)

    monkeypatch.setattr(gallery, "atomic_write", write_and_kill_the_worker)
    with cluster_of_one(distributed) as cluster:
        address = cluster.scheduler_address
        paths = paint_gallery(contents, styles, tmp_path, TINY, scheduler=address)
        assert sorted(written) == sorted(paths)
        with pytest.raises(RuntimeError, match=r"cat_great_wave.png \(.* shorter side needs"):
            paint_gallery(["cat"], styles, tmp_path / "small", {**TINY, "size": 8}, scheduler=address)
    assert read_settings(path)["arguments"] == read_settings(painted[0])["arguments"]
    assert (load_image(path) == load_image(painted[0])).all()
    before = files(tmp_path)
    paint_gallery(contents, styles, tmp_path, TINY)
    assert files(tmp_path) == before


def test_a_worker_takes_a_bundled_picture_whatever_the_callers_folder_holds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("cat", "mine.jpg"):
        (tmp_path / name).write_bytes(b"a stranger's")
    assert set(gallery._files({"content": "cat", "style": "mine.jpg"})) == {"style"}
