"""course.py and the files that say what to install; nothing here makes an environment."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import course  # noqa: E402

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(lines):
    """{name: version range} of requirement lines."""
    return {NAME.match(line)[0].lower(): line[NAME.match(line).end() :] for line in lines}


def locked():
    """{name: {versions}} of the lock, and the names that pyproject.toml asks for directly."""
    versions, direct, name = {}, set(), None
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        pinned = re.match(r"([a-z0-9._-]+)==(\S+)", line)
        if pinned:
            name = pinned[1]
            versions.setdefault(name, set()).add(pinned[2])
        elif "neural-style-course" in line:
            direct.add(name)
    return versions, direct


def test_all_lists_name_the_same_direct_dependencies():
    runtime = requirements(project()["dependencies"])
    testing = requirements(project()["optional-dependencies"]["test"])
    _, direct = locked()
    assert direct == {*runtime, *testing}
    conda = (ROOT / "environment.yml").read_text(encoding="utf-8")
    listed = re.findall(r"^\s+- ([A-Za-z0-9._-]+[<>=].*)$", conda, re.M)
    assert requirements(line for line in listed if not line.startswith("python")) == {**runtime, **testing}


def test_every_locked_package_has_hashes_and_no_address():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    packages = re.split(r"(?m)^(?=[a-z0-9])", text)[1:]
    assert len(packages) > 50
    assert all("--hash=sha256:" in package for package in packages)
    assert "://" not in text
    assert not re.search(r"(?m)^-", text)


def test_the_lock_serves_every_supported_platform():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "sys_platform == 'darwin'" in text
    assert "win32" in text
    tensorflow = re.search(r"(?m)^tensorflow==.*(?:\n +--hash.*)+", text)[0]
    # One wheel for each of Linux x86-64, Linux arm64, Apple silicon, Windows and three Pythons, at least.
    assert tensorflow.count("--hash") >= 12


def test_supported_pythons_agree():
    low, high = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project()["requires-python"]).groups()
    assert tuple((3, minor) for minor in range(int(low), int(high))) == course.SUPPORTED


def test_the_file_keeps_to_the_syntax_of_old_pythons():
    import ast

    source = (ROOT / "course.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    imported = set(re.findall(r"^\s*import (\w+)", source, re.M))
    assert imported <= set(sys.stdlib_module_names)


@pytest.fixture
def outside(monkeypatch, tmp_path):
    """As if started by a Python outside the environment, in a folder without one."""
    monkeypatch.setattr(course, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(course, "STAMP", str(tmp_path / ".venv" / "course.json"))


def test_an_old_python_is_named_with_the_remedy(outside, monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 9, 1, "final", 0))
    monkeypatch.setattr(course.platform, "python_version", lambda: "3.9.1")
    monkeypatch.setattr(course.shutil, "which", lambda name: None)
    assert course.main(["lab"]) == 1
    assert "this is Python 3.9.1. Install Python 3.12" in capsys.readouterr().err
    monkeypatch.setattr(course.shutil, "which", lambda name: name if name == "python3.12" else None)
    monkeypatch.setattr(course, "runs", lambda name: True)
    monkeypatch.setattr(sys, "argv", ["course.py", "lab"])
    course.main(["lab"])
    assert "`python3.12 course.py lab`" in capsys.readouterr().err


def test_a_missing_venv_module_is_named_with_the_remedy(outside, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert course.main(["test"]) == 1
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert f"apt install python{version}-venv" in capsys.readouterr().err


def test_a_full_disk_is_named_before_anything_is_written(outside, monkeypatch, capsys, tmp_path):
    usage = course.shutil.disk_usage(tmp_path)._replace(free=10**9)
    monkeypatch.setattr(course.shutil, "disk_usage", lambda path: usage)
    assert course.main(["lab"]) == 1
    assert "0.9 GB are free" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("platform", "machine", "words"),
    [("darwin", "x86_64", "Intel"), ("linux", "riscv64", "riscv64"), ("win32", "ARM64", "ARM64")],
)
def test_a_machine_without_tensorflow_is_named(outside, monkeypatch, capsys, platform, machine, words):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(course.platform, "machine", lambda: machine)
    assert course.main(["lab"]) == 1
    assert words in capsys.readouterr().err


def test_the_environment_does_not_destroy_itself(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(course, "VENV", str(Path(sys.prefix).absolute()))
    monkeypatch.setattr(course, "STAMP", str(tmp_path / "course.json"))
    assert course.main(["lab"]) == 1
    assert "deactivate" in capsys.readouterr().err
    assert Path(sys.executable).exists()


def test_an_up_to_date_environment_is_used_as_it_is(outside, monkeypatch, tmp_path):
    python = Path(course.environment_python())
    python.parent.mkdir(parents=True)
    python.touch()
    Path(course.STAMP).write_text(json.dumps(course.wanted_stamp()), encoding="utf-8")
    started = []
    monkeypatch.setattr(course, "run", lambda command, **where: started.append(command) or 0)
    assert course.main(["lab", "--no-browser", "--port", "8889"]) == 0
    assert started[0][:3] == [str(python), "-m", "jupyterlab"]
    assert started[0][-3:] == ["--no-browser", "--port", "8889"]
    assert course.main(["transfer", "me.jpg"]) == 0
    assert started[1] == [str(python), "-m", "helpers", "transfer", "me.jpg"]


def test_a_changed_lock_or_a_moved_folder_is_noticed(outside, monkeypatch, tmp_path):
    Path(course.STAMP).parent.mkdir()
    Path(course.STAMP).write_text(json.dumps(course.wanted_stamp()), encoding="utf-8")
    assert course.read_stamp() == course.wanted_stamp()
    other = tmp_path / "requirements.lock"
    other.write_text("numpy==1.0\n")
    with monkeypatch.context() as patch:
        patch.setattr(course, "LOCK", str(other))
        assert course.read_stamp() != course.wanted_stamp()
    monkeypatch.setattr(course, "ROOT", str(tmp_path))
    assert course.read_stamp() != course.wanted_stamp()


def test_help_needs_no_environment(outside):
    done = subprocess.run(
        [sys.executable, str(ROOT / "course.py")], capture_output=True, text=True, check=True
    )
    assert "python3 course.py COMMAND" in done.stdout
    for command in ("lab", "test", "transfer", "reconstruct", "texture", "results"):
        assert command in done.stdout


def test_ci_calls_the_readmes_test_command():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "python3 course.py test" in script
    assert "python3 course.py test" in readme
    assert "python3 course.py lab" in readme
