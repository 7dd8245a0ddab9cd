"""course.py and the files that say what to install; nothing here makes an environment."""

import re
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


LOCKS = [Path(path) for path in course.LOCKS.values()] + [ROOT / "tests" / "colab" / "versions.lock"]


def locked(path):
    """{name: {versions}} of a lock, and the names that pyproject.toml asks for directly."""
    versions, direct, name = {}, set(), None
    for line in path.read_text(encoding="utf-8").splitlines():
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
    assert locked(LOCKS[0])[1] == set(runtime)
    assert locked(LOCKS[1])[1] == set(testing)
    conda = (ROOT / "environment.yml").read_text(encoding="utf-8")
    listed = re.findall(r"^\s+- ([A-Za-z0-9._-]+[<>=].*)$", conda, re.M)
    assert requirements(line for line in listed if not line.startswith("python")) == runtime


def test_what_only_tests_need_stands_apart_from_what_a_student_needs():
    student, testing = (locked(path)[0] for path in LOCKS[:2])
    for name in ("pytest", "playwright", "hypothesis", "distributed", "ruff", "scikit-image"):
        assert name in testing
        assert name not in student
    assert not set(student) & set(testing)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_locked_package_has_hashes_and_no_address(path):
    text = path.read_text(encoding="utf-8")
    packages = re.split(r"(?m)^(?=[a-z0-9])", text)[1:]
    assert len(packages) > 20
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
    # Python looks its own settings up once, by the name of the platform, which some tests change.
    course.sysconfig.get_config_vars()
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


@pytest.fixture
def installed(outside, monkeypatch):
    """As with an environment whose making takes no time: which locks were given to pip, call by call."""
    calls = []

    def install(python, needed, new):
        Path(python).parent.mkdir(parents=True, exist_ok=True)
        Path(python).touch()
        calls.append((needed, new))

    monkeypatch.setattr(course, "install", install)
    monkeypatch.setattr(course, "finish_environment", lambda python: None)
    monkeypatch.setattr(course.subprocess, "call", lambda command: 0)
    return calls


BOTH = ("lock", "test lock")


def test_the_packages_of_the_tests_are_added_at_the_first_test(installed):
    course.ensure_environment()
    assert installed == [(("lock",), "lock")]
    course.ensure_environment()
    assert len(installed) == 1
    course.ensure_environment(BOTH)
    assert installed[1:] == [(BOTH, "test lock")]
    for needed in (BOTH, ("lock",)):
        course.ensure_environment(needed)
    assert len(installed) == 2


def test_a_first_command_that_is_a_test_installs_both(installed):
    course.ensure_environment(BOTH)
    assert installed == [(BOTH, "lock")]


def test_a_changed_lock_is_installed_anew_and_a_changed_test_lock_waits_for_a_test(
    installed, monkeypatch, tmp_path
):
    course.ensure_environment(BOTH)
    for name in BOTH:
        changed = tmp_path / f"changed {name}"
        changed.write_text("numpy==1.0\n")
        monkeypatch.setitem(course.LOCKS, name, str(changed))
        course.ensure_environment()
        course.ensure_environment(BOTH)
    assert installed[1:] == [(("lock",), "lock"), (BOTH, "test lock"), (BOTH, "test lock")]


def test_a_moved_folder_is_noticed(installed, monkeypatch, tmp_path):
    course.ensure_environment()
    monkeypatch.setattr(course, "ROOT", str(tmp_path))
    course.ensure_environment()
    assert len(installed) == 2


def test_a_damaged_stamp_is_an_environment_to_be_made(installed):
    course.ensure_environment()
    for damage in ("", "{", "[]", "3", "null"):
        Path(course.STAMP).write_text(damage)
        course.ensure_environment()
    assert len(installed) == 6


def test_an_up_to_date_environment_is_used_as_it_is(installed, monkeypatch):
    python = course.ensure_environment()
    started = []
    monkeypatch.setattr(course, "run", lambda command, **where: started.append(command) or 0)
    assert course.main(["lab", "--no-browser", "--port", "8889"]) == 0
    assert started[0][:3] == [python, "-m", "jupyterlab"]
    assert started[0][-3:] == ["--no-browser", "--port", "8889"]
    assert course.main(["transfer", "me.jpg"]) == 0
    assert started[1] == [python, "-m", "helpers", "transfer", "me.jpg"]
    assert len(installed) == 1
    assert course.main(["test", "--full", "-k", "gram"]) == 0
    assert started[2] == [python, "-m", "pytest", "--full", "-k", "gram"]
    assert len(installed) == 2


def test_help_needs_no_environment(outside, run_python):
    done = run_python(ROOT / "course.py", check=True)
    assert "python3 course.py COMMAND" in done.stdout
    for command in ("lab", "test", "transfer", "reconstruct", "texture", "results"):
        assert command in done.stdout


def test_ci_calls_the_readmes_test_command():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "python3 course.py test" in script
    assert "--full" not in script
    weekly = (ROOT / ".github" / "workflows" / "course.yml").read_text(encoding="utf-8")
    assert "python3 course.py test --full" in weekly
    for document in (readme, (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")):
        assert "test --full" in document
    assert "python3 course.py test" in readme
    assert "python3 course.py lab" in readme
