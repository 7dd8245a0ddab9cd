"""Every lesson under the versions that Colab ships, with the course cloned by the lesson's own first cell."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from colab.environment import interpreter, made
from mutants import NOT_COPIED
from run_lessons import LESSONS, run, tagged, verdicts, with_solutions

ROOT = Path(__file__).parent.parent
HERE = Path(__file__).parent / "colab"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.colab,
    pytest.mark.skipif(sys.platform == "win32", reason="Colab's versions are those of a Linux machine"),
    pytest.mark.skipif(shutil.which("git") is None, reason="the first cell clones the course with git"),
]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """The course as it stands in this folder, as a repository that can be cloned."""
    folder = tmp_path_factory.mktemp("origin") / "course"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", "-C", str(folder)]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "course"]):
        subprocess.run([*git, *arguments], check=True)
    return folder.as_uri()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """The name of a kernel in Colab's environment, where google.colab is imported before the first cell."""
    base = interpreter()
    if base is None:
        pytest.skip("there is no Python 3.12 or 3.13 here, as Colab has")
    folder = tmp_path_factory.mktemp("jupyter")
    spec = folder / "kernels" / "colab"
    spec.mkdir(parents=True)
    command = [made(base), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    command.append("--IPKernelApp.exec_lines=import google.colab")
    about = {"argv": command, "display_name": "Colab", "language": "python", "env": {"PYTHONPATH": str(HERE)}}
    (spec / "kernel.json").write_text(json.dumps(about))
    os.environ["JUPYTER_PATH"] = str(folder)
    yield "colab"
    del os.environ["JUPYTER_PATH"]


VERSIONS = """\
import importlib.metadata, sys
import helpers
names = "tensorflow keras numpy ipywidgets ipython ipykernel".split()
print(*(importlib.metadata.version(name) for name in names), helpers.__file__, "google.colab" in sys.modules)
"""


@pytest.mark.lesson
@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_in_colab(path, kernel, repository, tmp_path, monkeypatch):
    lesson = with_solutions(nbformat.read(path, as_version=4))
    (first,) = tagged(lesson, "colab")
    addressed = re.sub(r'REPOSITORY = ".*?"', f'REPOSITORY = "{repository}"', first.source)
    first.source = addressed.replace("/content", str(tmp_path))
    lesson.cells.append(nbformat.v4.new_code_cell(VERSIONS))
    ran = run(lesson, monkeypatch, tmp_path / "functions", tmp_path, kernel)
    found = verdicts(ran)
    assert all(verdict.startswith("Right.") for verdict in found[1::2]), found
    *versions, module, in_colab = ran.cells[-1].outputs[0]["text"].split()
    assert module == str(tmp_path / "course" / "helpers" / "__init__.py")
    assert in_colab == "True"
    pinned = re.findall(r"(?m)^(\S+)==(\S+)$", (HERE / "versions.txt").read_text())[:6]
    for version, (name, wanted) in zip(versions, pinned, strict=True):
        assert re.fullmatch(wanted.replace(".", r"\.").replace("*", ".*"), version), name
