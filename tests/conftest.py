"""What all tests share: which of them run and where, small pictures, and ways to start a command."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
import pytest

ROOT = Path(__file__).parent.parent
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
GIGABYTES_OF_A_WORKER = 3
"""A worker with TensorFlow and a lesson's kernel beside it stay below this."""
MORE_WITH_FULL = 1
"""Some lessons take nearly 3 GB at the sizes of a GPU, the worker not included."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell without job control starts what runs in its background with SIGINT ignored, and every process
    # started from here would inherit that: none could be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if "PYTEST_XDIST_WORKER" not in os.environ:
    # Whoever ends the tests finds nothing left of them.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def divide_threads(workers):
    """Give the frameworks of each worker, and of what it starts, its part of the cores."""
    threads = str(max(1, CORES // workers))
    for name in (
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
    ):
        os.environ.setdefault(name, threads)


if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    divide_threads(int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="run every test there is, slow ones included")


def named_one_by_one(config):
    return any("::" in argument for argument in config.args)


def pytest_xdist_auto_num_workers(config):
    """One worker for each core that has memory; none for tests that are named one by one."""
    if named_one_by_one(config):
        return 0
    needed = GIGABYTES_OF_A_WORKER + (MORE_WITH_FULL if config.option.full else 0)
    workers = min(CORES, int(psutil.virtual_memory().available / 1e9 / needed))
    return workers if workers > 1 else 0


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Put everything that the tests write, and what their processes keep in a home, into one folder."""
    if hasattr(config, "workerinput"):
        return
    folder = Path(tempfile.mkdtemp(prefix="style_tests_"))
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    home = folder / "home"
    home.mkdir()
    # A user's own settings of Keras, Jupyter, Matplotlib or IPython are not to change the verdict.
    for name in list(os.environ):
        if name.startswith(("JUPYTER", "XDG_", "KERAS_HOME", "IPYTHONDIR", "MPLCONFIGDIR")):
            del os.environ[name]
    os.environ |= {"HOME": str(home), "USERPROFILE": str(home)}
    os.environ |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    os.environ["COURSE_FUNCTIONS"] = str(folder / "functions")  # not those of whoever runs the tests
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(folder / "hypothesis")
    tempfile.tempdir = None
    if config.option.basetemp is None:
        config.option.basetemp = str(folder / "pytest")


def pytest_collection_modifyitems(config, items):
    """Leave out what only ``--full`` runs, and let the longest tests begin first."""
    if not (config.option.full or config.option.markexpr or named_one_by_one(config)):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("slow")])
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
    items.sort(key=lambda item: item.get_closest_marker("lesson") is None)


@pytest.fixture(scope="session")
def photo():
    from helpers import bundled_image, load_image

    return load_image(bundled_image("temple"), size=32)


@pytest.fixture(scope="session")
def painting():
    from helpers import bundled_image, load_image

    return load_image(bundled_image("great_wave"), size=40)


@pytest.fixture(scope="session")
def cat():
    from helpers import load_image

    return load_image("cat", size=48)


@pytest.fixture
def generator():
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def unrun_site(tmp_path_factory):
    """The folder of the site of all lessons, of which none was run: all texts and links, and no outputs."""
    import nbformat

    from helpers.tools import rendering, site

    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendering, "run_lesson", lambda path: nbformat.read(path, as_version=4))
        site.write_site(folder)
    return folder


@pytest.fixture(scope="session")
def apart():
    """A function that tells how far arrays or tensors are from those wanted, relative to their length."""
    from keras import ops

    def distance(found, wanted):
        found, wanted = (ops.convert_to_numpy(ops.cast(each, "float32")) for each in (found, wanted))
        return np.linalg.norm(found - wanted) / np.linalg.norm(wanted)

    return distance


@pytest.fixture(scope="session")
def rounding():
    """A function that tells how many times the usual rounding error a precision may have here."""
    from helpers.compute.framework import device

    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    # A processor that emulates bfloat16 rounds the sums of a product too. No transfer computes so there.
    emulated = device() == "cpu" and "bf16" not in flags
    return lambda precision: 2.5 if precision == "bfloat16" and emulated else 1.0


@pytest.fixture(scope="session")
def one_sentence():
    """A function that checks that an error is told in one sentence, and that it names something."""

    def check(error, named=""):
        said = str(error)
        assert said.endswith(".")
        assert "\n" not in said
        assert "Traceback" not in said
        assert len(said) < 400
        assert named in said

    return check


@pytest.fixture(scope="session")
def run_python():
    """A function that runs Python with some arguments in a process of its own, and captures what it says."""

    def run(*arguments, environment=None, **options):
        defaults = {"env": {**os.environ, **(environment or {})}, "cwd": ROOT, "timeout": 600}
        defaults |= {"capture_output": True, "encoding": "utf-8", "errors": "replace"}
        return subprocess.run([sys.executable, *map(str, arguments)], **{**defaults, **options})

    return run


@pytest.fixture
def start_command():
    """A function that starts a command of the course; what still runs at the end of the test is killed."""
    started = []

    def start(*arguments, **options):
        program = "import sys; from helpers.tools.command_line import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", program, *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
        started.append(subprocess.Popen(command, cwd=ROOT, **{**pipes, **options}))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()
