"""The course where much is missing: no network, no home, nothing to be written outside one folder."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

GUARD = """
import os, socket, sys

def refuse(*_, **__):
    raise OSError(101, "Network is unreachable")

socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
"""

# What a student does in a first hour: a picture, a texture, a reconstruction, weights by any name, a preset.
PROGRAM = (
    GUARD
    + """
from helpers import plot_history, reconstruct, save_preset, synthesize_texture, transfer
from helpers.tools.command_line import main

folder = sys.argv[1]
tiny = {"steps": 2, "size": 32, "run": {"progress": False}}
result = transfer("temple", "great_wave", **tiny)
result.save(os.path.join(folder, "transfer.png"))
plot_history({"transfer": result.history})
reconstruct("temple", "conv2_1", **tiny)
synthesize_texture("gravel", "conv1_1", source_size=32, **tiny)
save_preset(os.path.join(folder, "mine.json"), steps=2)
assert main(["transfer", "cat", "great_wave", "--size", "32", "--steps", "2",
             "--output", os.path.join(folder, "line.png"), "--film", os.path.join(folder, "film.gif")]) == 0
assert main(["transfer", "--weights", "imagenet", "--output", os.path.join(folder, "never.png")]) == 1
"""
)

NOWHERE = "/proc/nowhere" if Path("/proc").exists() else "/nonexistent"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not start a program without its variables")
@pytest.mark.parametrize("home", ["read-only", pytest.param("none", marks=pytest.mark.slow)])
def test_the_course_needs_no_network_no_home_and_no_other_folder(home, tmp_path, run_python):
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path / "tmp"), "MPLBACKEND": "Agg"}
    # Without a home, Keras would keep its settings in /tmp for ever.
    environment["KERAS_HOME"] = NOWHERE if home == "read-only" else str(tmp_path / "keras")
    for name in ("KERAS_BACKEND", "LD_LIBRARY_PATH"):
        if name in os.environ:
            environment[name] = os.environ[name]
    if home == "read-only":
        environment |= {"HOME": NOWHERE, "XDG_CACHE_HOME": NOWHERE, "XDG_CONFIG_HOME": NOWHERE}
    (tmp_path / "tmp").mkdir()
    (tmp_path / "out").mkdir()
    done = run_python("-c", PROGRAM, tmp_path / "out", env=environment)
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"transfer.png", "mine.json", "line.png", "film.gif"}
    assert "Traceback" not in done.stderr
    # A sentence for the weights that cannot be fetched, and the progress of the two commands; nothing else.
    said = [line for line in done.stderr.splitlines() if not line.startswith("transfer: ")]
    assert said == []
