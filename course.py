"""The course's one entry: `python3 course.py lab` opens the lessons, `python3 course.py test` tests them.

Needs nothing but Python. It makes the environment `.venv` once and hands the command over to it. This file
keeps to the syntax of Python 3.6, so that an older Python reaches the sentence that says what is missing.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
# What lessons, studio and command line need; and what only tests need, added at the first `test`.
LOCKS = {
    "lock": os.path.join(ROOT, "requirements.lock"),
    "test lock": os.path.join(ROOT, "requirements-test.lock"),
}
DISK_NEEDED = {"lock": 4 * 1024**3, "test lock": 1024**3}
STAMP = os.path.join(VENV, "course.json")
SUPPORTED = ((3, 11), (3, 12), (3, 13))
STUDIO = "notebooks/app/studio.ipynb"
FIRST_LESSON = "notebooks/00_start_here.ipynb"

USAGE = """\
usage: python3 course.py COMMAND [ARGUMENTS]

  lab          open the lessons in JupyterLab (its options are passed on: --no-browser, --port 8889)
  studio       open the studio of lesson 9 as a page of its own (Voilà's options are passed on)
  test         test all that a user relies on, in minutes; `test --full` runs every test there is
               (pytest's options are passed on)
  transfer     paint a photograph in the manner of a painting
  reconstruct  rebuild a picture from what one layer of the network keeps of it
  texture      grow a texture from the style of a picture
  frames       paint the frames of a film, each from the one before
  again        repeat the run that made a picture
  gallery      paint every photo in the manner of every painting
  benchmark    measure where the time goes on this machine
  results      make the pictures under images/results/ again
  slides       run a lesson and write it as slides for a lecture: `slides 04`
  run          run all lessons in full and write them as a site, under output/site/
  publish      put the name of your own repository into the lessons, for Colab

`python3 course.py transfer --help` tells a command's arguments. The first command makes the environment
.venv beside this file; every later one starts at once.
"""


class Missing(Exception):
    """Something the course needs is not here; the text says what, and the remedy."""


def main(arguments):
    """Run one command and return its exit status."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    command, rest = arguments[0], arguments[1:]
    try:
        python = ensure_environment(("lock", "test lock") if command == "test" else ("lock",))
    except Missing as missing:
        print("course.py: {}".format(missing), file=sys.stderr)
        return 1
    if command == "lab":
        return run([python, "-m", "jupyterlab", *lab_options(rest)])
    if command == "studio":
        return run([python, "-m", "voila", *studio_options(rest), STUDIO])
    if command == "test":
        return run([python, "-m", "pytest", *rest])
    # Relative paths in the arguments are the caller's: the working directory stays what it is.
    return run([python, "-m", "helpers", command, *rest], cwd=None)


def lab_options(rest):
    """JupyterLab's options: the course's own, unless the caller gave another."""
    own = ["--ServerApp.root_dir=" + ROOT, "--LabApp.default_url=/lab/tree/" + FIRST_LESSON]
    if any(re.match(r"--(ServerApp\.root_dir|notebook-dir)\b", option) for option in rest):
        own = []
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # In a container the user is often root, which the server refuses unless told.
        own.append("--allow-root")
    return own + rest


def studio_options(rest):
    """Voilà's options: the course's own, then the caller's."""
    return ["--theme=light"] + rest


def run(command, cwd=ROOT):
    """Run a command in the environment, signals included, and return its exit status."""
    if os.name == "posix":
        # In place of this process: whatever is sent to it, even a kill, reaches the command itself.
        if cwd is not None:
            os.chdir(cwd)
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(command[0], command)
    process = subprocess.Popen(command, cwd=cwd)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The child got the signal too; it ends by itself and says how.
            continue


def ensure_environment(needed=("lock",)):
    """The environment's Python, after installing those of the needed locks that it was not made from."""
    python = environment_python()
    made, wanted = read_stamp(), wanted_stamp(needed)
    if os.path.exists(python) and all(made.get(key) == value for key, value in wanted.items()):
        return python
    if os.path.abspath(sys.prefix) == VENV:
        raise Missing(
            "the environment .venv is out of date and cannot renew itself from within. Leave it "
            "(`deactivate`) and start the same command with the Python outside it."
        )
    check_machine()
    check_python()
    if made.get("folder") != ROOT or not os.path.exists(python):
        made = {}
    missing = [name for name in needed if made.get(name) != wanted[name]]
    check_disk(missing)
    if not made:
        print("Making the environment .venv with Python {} …".format(platform.python_version()), flush=True)
        shutil.rmtree(VENV, ignore_errors=True)
        if subprocess.call([sys.executable, "-m", "venv", VENV]) != 0:
            raise Missing("the environment .venv could not be made; the lines above say why.")
    # The test lock's versions go with the lock's: both are given, and pip passes over what is there.
    install(python, needed, "test lock" if missing == ["test lock"] else "lock")
    finish_environment(python)
    with open(STAMP, "w", encoding="utf-8") as file:
        json.dump(wanted, file)
    return python


def environment_python():
    """The path of the environment's interpreter."""
    if os.name == "nt":
        return os.path.join(VENV, "Scripts", "python.exe")
    return os.path.join(VENV, "bin", "python")


def read_stamp():
    """What the environment was made from; nothing, where there is none."""
    try:
        with open(STAMP, encoding="utf-8") as file:
            return dict(json.load(file))
    except (OSError, ValueError, TypeError):
        return {}


def wanted_stamp(needed):
    """What the environment has to be made from: these locks, in this folder."""
    stamp = {"folder": ROOT}
    for name in needed:
        with open(LOCKS[name], "rb") as file:
            stamp[name] = hashlib.sha256(file.read()).hexdigest()
    return stamp


def check_python():
    """Raise Missing unless this Python is a supported one with what makes environments."""
    if sys.version_info[:2] not in SUPPORTED:
        others = ["python{}.{}".format(*version) for version in SUPPORTED]
        found = [name for name in others if shutil.which(name) and runs(name)]
        remedy = (
            "Start it with `{} course.py {}`.".format(found[-1], " ".join(sys.argv[1:]))
            if found
            else "Install Python 3.12 and start this file with it."
        )
        raise Missing(
            "TensorFlow runs on Python 3.11, 3.12 and 3.13, and this is Python {}. {}".format(
                platform.python_version(), remedy
            )
        )
    try:
        import ensurepip
        import venv
    except ImportError:
        raise Missing(
            "this Python has no venv module, which makes the environment. On Debian and Ubuntu: "
            "`sudo apt install python{}.{}-venv`.".format(*sys.version_info[:2])
        ) from None
    del ensurepip, venv


def runs(name):
    """Whether a Python of this name starts: a version manager's placeholder may not."""
    return subprocess.call([name, "-c", ""], stderr=subprocess.DEVNULL) == 0


def check_machine():
    """Raise Missing on a machine that TensorFlow is not built for."""
    machine = platform.machine().lower()
    known = {
        "linux": ("x86_64", "amd64", "aarch64", "arm64"),
        "darwin": ("arm64",),
        "win32": ("amd64", "x86_64"),
    }.get(sys.platform, ())
    libc = sysconfig.get_config_var("HOST_GNU_TYPE") or ""
    if machine in known and sys.maxsize > 2**32 and "musl" not in libc:
        return
    if sys.platform == "darwin":
        raise Missing(
            "TensorFlow is no longer built for Macs with an Intel processor. Open the lessons in Colab, "
            "or run the course in a Linux container. If this Mac has Apple silicon, its Python is one "
            "for Intel: install the arm64 or universal Python."
        )
    raise Missing(
        "TensorFlow is built for Linux (x86-64 and arm64, with glibc), Apple silicon and 64-bit Windows, "
        "and this Python is for {} {}. Open the lessons in Colab instead.".format(
            platform.system() or sys.platform, platform.machine() or "an unknown processor"
        )
    )


def check_disk(missing):
    """Raise Missing where the packages of the missing locks would not fit."""
    free, needed = shutil.disk_usage(ROOT).free, sum(DISK_NEEDED[name] for name in missing)
    if free < needed:
        raise Missing(
            "the packages need {:.0f} GB of disk and {:.1f} GB are free in {}. Make room, or move the "
            "course to a larger disk.".format(needed / 1024**3, free / 1024**3, ROOT)
        )


def install(python, needed, new):
    """Install the needed locks' packages with pip, showing which one of the new ones it is at."""
    with open(LOCKS[new], encoding="utf-8") as file:
        total = sum(bool(re.match(r"[A-Za-z0-9]", line)) for line in file)
    what = "that only tests need" if new == "test lock" else "of requirements.lock"
    print("Installing the packages {}, once; it takes a while.".format(what), flush=True)
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--require-hashes", "--only-binary=:all:"]
    for name in needed:
        command += ["-r", LOCKS[name]]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
    )
    lines, done = [], 0
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Collecting "):
            done += 1
            show_line("  fetching {} of about {}: {}".format(done, total, line.split()[1]))
        elif line.startswith("Installing collected"):
            show_line("  unpacking {} packages".format(done))
    show_line("")
    if process.wait() != 0:
        sys.stderr.write("".join(lines[-15:]))
        raise Missing(
            "pip could not install the packages; its last lines are above. Look at the network and start "
            "the same command again: what was fetched is kept."
        )


def show_line(text):
    """Replace the terminal's current line; elsewhere print nothing."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        sys.stdout.write("\r" + text[:width].ljust(width) + ("" if text else "\r"))
        sys.stdout.flush()


def finish_environment(python):
    """Let the environment find `helpers`, and keep JupyterLab from asking about news in class."""
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.check_output([python, "-c", where], universal_newlines=True).strip()
    with open(os.path.join(packages, "neural_style_course.pth"), "w", encoding="utf-8") as file:
        file.write(ROOT + "\n")
    settings = os.path.join(VENV, "share", "jupyter", "lab", "settings")
    os.makedirs(settings, exist_ok=True)
    overrides = {
        "@jupyterlab/apputils-extension:notification": {
            "fetchNews": "false",
            "checkForUpdates": False,
        }
    }
    with open(os.path.join(settings, "overrides.json"), "w", encoding="utf-8") as file:
        json.dump(overrides, file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
