"""course.py and the files that say what to install; nothing here makes an environment."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbclient
import nbformat
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
    monkeypatch.setattr(course, "INSTALLING", str(tmp_path.parent / "course.lock"))


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

    def install(python, needed, new, lock):
        Path(python).parent.mkdir(parents=True, exist_ok=True)
        Path(python).touch()
        calls.append((needed, new))

    monkeypatch.setattr(course, "install", install)
    monkeypatch.setattr(course, "finish_environment", lambda python: None)
    monkeypatch.setattr(course, "try_imports", lambda python, needed: None)
    monkeypatch.setattr(course, "trouble_with", lambda python: None if Path(python).exists() else "gone")
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


def test_a_moved_folder_needs_no_new_installation(installed, monkeypatch, tmp_path):
    course.ensure_environment()
    monkeypatch.setattr(course, "ROOT", str(tmp_path))
    course.ensure_environment()
    assert len(installed) == 1


def test_an_environment_whose_python_changed_is_made_anew(installed, monkeypatch, capsys):
    python = course.ensure_environment(BOTH)
    state = ["its Python is gone"]
    monkeypatch.setattr(course, "trouble_with", lambda python: state[0])
    monkeypatch.setattr(course, "try_imports", lambda python, needed: state.__setitem__(0, None))
    assert course.ensure_environment() == python
    assert installed[1:] == [(("lock",), "lock")]
    assert "no longer works (its Python is gone)" in capsys.readouterr().out
    course.ensure_environment()
    assert len(installed) == 2


def test_packages_that_cannot_be_imported_are_no_complete_environment(installed, monkeypatch):
    def try_imports(python, needed):
        raise course.Missing("the packages are installed and cannot be used: No module named jupyterlab")

    monkeypatch.setattr(course, "try_imports", try_imports)
    for _ in range(2):
        assert course.main(["lab"]) == 1
    assert len(installed) == 2


def test_new_settings_of_the_environment_need_no_pip(installed, monkeypatch):
    course.ensure_environment(BOTH)
    monkeypatch.setattr(course, "KERNEL_SETTINGS", "# others")
    finished = []
    monkeypatch.setattr(course, "finish_environment", finished.append)
    for needed in (("lock",), BOTH):
        course.ensure_environment(needed)
    assert len(installed) == len(finished) == 1


def test_trouble_is_seen_by_the_environments_own_python(tmp_path):
    assert course.trouble_with(sys.executable) is None
    assert course.trouble_with(str(tmp_path / "python")) == "its Python is gone"


def test_trouble_of_an_environment_without_its_packages(tmp_path):
    """As after an upgrade of Python, whose packages have another folder."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True)
    python = tmp_path / ".venv" / Path(course.environment_python()).relative_to(course.VENV)
    assert course.trouble_with(str(python)) == "its packages are not those of its Python"
    with pytest.raises(course.Missing, match="No module named"):
        course.try_imports(str(python), ("lock",))


def test_a_link_to_the_course_is_the_course(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(ROOT)
    file = tmp_path / "course_link.py"
    file.symlink_to(ROOT / "course.py")
    for path in (link / "course.py", file):
        code = f"import importlib.util as u; s = u.spec_from_file_location('course', {str(path)!r})\n"
        code += "m = u.module_from_spec(s); s.loader.exec_module(m); print(m.VENV)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str(ROOT / ".venv")


SECOND_START = """
import sys
sys.path.insert(0, {root!r})
import course
course.INSTALLING = {lock!r}
with course.only_one_at_a_time():
    print("begun", flush=True)
    sys.stdin.readline()
"""


def test_a_second_start_waits_for_the_first(tmp_path):
    lock = tmp_path / "course.lock"
    code = SECOND_START.format(root=str(ROOT), lock=str(lock))

    def start():
        return subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    first = start()
    assert first.stdout.readline() == "begun\n"
    second = start()
    assert "waiting" in second.stdout.readline()
    first.kill()  # A start that is killed does not leave the course locked.
    assert second.stdout.readline() == "begun\n"
    second.communicate("\n")
    first.communicate()


def test_of_pips_settings_only_those_about_the_network_are_kept(monkeypatch, tmp_path):
    settings = tmp_path / "pip.conf"
    settings.write_text(
        "[global]\nindex-url = https://a.example/simple\ntarget = /elsewhere\nno-deps = true\n"
        "[install]\nuser = true\nextra-index-url =\n  https://b.example/simple\n  https://c.example/simple\n"
    )
    for name in list(course.os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    for name in ("USER", "TARGET", "PREFIX", "ROOT", "NO_DEPS", "DRY_RUN", "REQUIRE_VIRTUALENV", "PYTHON"):
        monkeypatch.setenv(f"PIP_{name}", "1")
    monkeypatch.setenv("PIP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("PIP_INDEX_URL", "https://d.example/simple")
    kept = course.pip_environment(sys.executable)
    # Others may come from the machine's own files.
    assert {name for name in kept if name.startswith("PIP_")} <= {
        "PIP_CONFIG_FILE",
        *("PIP_" + name.upper().replace("-", "_") for name in course.PIP_NETWORK),
    }
    assert kept["PIP_CONFIG_FILE"] == course.os.devnull
    assert kept["PIP_PROXY"] == "http://proxy.example:3128"
    assert kept["PIP_INDEX_URL"] == "https://d.example/simple"
    assert kept["PIP_EXTRA_INDEX_URL"] == "https://b.example/simple https://c.example/simple"


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("Temporary failure in name resolution", "network"),
        ("ReadTimeoutError: read timed out", "network"),
        ("OSError: [Errno 28] No space left on device", "disk"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "index"),
        ("PermissionError: [Errno 13] Permission denied", "write"),
        ("ERROR: Can not combine '--user' and '--target'", "mended"),
    ],
)
def test_advice_fits_what_pip_said(said, advice):
    assert advice in course.remedy(said)


STRANGER = 'raise SystemExit("executed the stranger\'s file")'


@pytest.fixture
def strangers(tmp_path):
    """A folder with files of the names of modules that the course imports."""
    for name in ("helpers", "random", "json", "platform", "subprocess", "keras", "numpy", "colorsys", "venv"):
        (tmp_path / f"{name}.py").write_text(STRANGER)
    (tmp_path / "cat").mkdir()
    return tmp_path


@pytest.mark.parametrize("on_path", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_strangers_files_do_not_replace_the_courses(strangers, on_path):
    path = {"PYTHONPATH": str(strangers), "PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2"} if on_path else {}
    done = subprocess.run(
        [sys.executable, ROOT / "course.py", "transfer", "cat", "great_wave", "--size", "32", "--steps", "1"]
        + ["--output", "painted.png"],
        cwd=strangers,
        env={**course.os.environ, **path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (strangers / "painted.png").stat().st_size > 0


def test_a_kernel_of_the_course_looks_into_its_folder_last(strangers):
    (strangers / "mine.py").write_text("answer = 42")
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("import helpers, numpy, keras, colorsys, mine; print(helpers.__file__)")
        ]
    )
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(strangers)}}).execute()
    assert notebook.cells[0].outputs[-1].text.strip() == str(ROOT / "helpers" / "__init__.py")


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
    assert started[0][:3] == [python, "-P", "-m"]
    assert started[0][-3:] == ["--no-browser", "--port", "8889"]
    assert course.main(["transfer", "me.jpg"]) == 0
    assert started[1] == [python, "-P", "-m", "helpers", "transfer", "me.jpg"]
    assert len(installed) == 1
    assert course.main(["test", "--full", "-k", "gram"]) == 0
    assert started[2] == [python, "-m", "pytest", "--full", "-k", "gram"]
    assert len(installed) == 2


def test_help_needs_no_environment(outside, run_python):
    done = run_python(ROOT / "course.py", check=True)
    assert "python3 course.py COMMAND" in done.stdout
    for command in ("lab", "test", "transfer", "reconstruct", "texture", "results"):
        assert command in done.stdout


def test_help_reaches_terminals_that_lack_its_letters(run_python):
    for encoding in ("cp1250", "cp932", "ascii"):
        done = run_python(ROOT / "course.py", environment={"PYTHONIOENCODING": encoding})
        assert done.returncode == 0, done.stderr
        assert "python3 course.py COMMAND" in done.stdout


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


def test_github_actions_are_pinned_by_commit():
    text = (ROOT / ".github" / "workflows" / "course.yml").read_text(encoding="utf-8")
    used = re.findall(r"uses: (.*)", text)
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}  # v[\d.]+", action)


def test_pip_checks_the_hashes_of_the_lock(monkeypatch):
    given = []

    def popen(command, **options):
        given.extend(command)
        raise course.Missing("not today")

    monkeypatch.setattr(course, "pip_environment", lambda python: {})
    monkeypatch.setattr(course.subprocess, "Popen", popen)
    with pytest.raises(course.Missing):
        course.install(sys.executable, ("lock",), "lock")
    assert {"--require-hashes", "--only-binary=:all:"} <= set(given)


def test_the_studio_asks_for_a_token_unless_told_otherwise():
    assert "--Voila.auto_token=True" in course.studio_options([])
    # The last of two options counts.
    assert course.studio_options(["--Voila.auto_token=False"])[-1] == "--Voila.auto_token=False"


def test_the_installed_package_brings_its_pictures_and_writes_into_the_current_folder(tmp_path):
    course_folder, here = tmp_path / "course", tmp_path / "here"
    here.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "control_*", "transfer_*")
    for name in ("helpers", "images"):
        shutil.copytree(ROOT / name, course_folder / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, course_folder / name)
    python = [sys.executable, "-P"]
    options = ["-q", "--no-build-isolation", "--no-deps", "--no-index", "--target", tmp_path / "site"]
    subprocess.run([*python, "-m", "pip", "install", *options, course_folder], check=True)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "from helpers.tools.command_line import main\n"
        "sys.exit(main(['reconstruct', 'cat', '--size', '32', '--steps', '1', '--weights', 'random']) "
        "or main(['reconstruct', 'kat']))"
    )
    done = subprocess.run([*python, "-c", program], cwd=here, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["output/cat_from_conv4_2.png"], done.stderr
    assert (here / "output" / "cat_from_conv4_2.png").exists()
    # The sliders of the lessons work with an installed package as well; the other results are not in it.
    results = Path("images", "results")
    installed = {path.name for path in (tmp_path / "site" / "helpers" / "data" / results).rglob("*.png")}
    assert installed == {path.name for path in (ROOT / results / "sweeps").iterdir()}
    assert done.stderr.splitlines()[-1].startswith(
        "reconstruct: There is no file and no bundled picture 'kat'"
    )


def test_every_package_is_installed():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "helpers").rglob("__init__.py")}
    assert {name.replace(".", "/") for name in settings["packages"]} == folders | {"helpers/data/images"}
