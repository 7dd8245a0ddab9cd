"""The course's one entry: `python3 course.py lab` opens the lessons, `python3 course.py test` tests them.

Needs nothing but Python. It makes the environment `.venv` once and hands the command over to it. This file
keeps to the syntax of Python 3.6, so that an older Python reaches the sentence that says what is missing.
"""

import os
import sys

if __name__ == "__main__":
    # Of the caller's settings for Python, these put strangers' modules before those of the course, or break
    # its packages: they are not passed on. Before the imports, since json.py on PYTHONPATH must not be meant.
    for _name in ("PYTHONHOME", "PYTHONOPTIMIZE", "PYTHONPLATLIBDIR", "PYTHONWARNINGS"):
        os.environ.pop(_name, None)
    _strangers = {
        os.path.abspath(path) for path in os.environ.pop("PYTHONPATH", "").split(os.pathsep) if path
    }
    sys.path.sort(key=lambda path: os.path.abspath(path) in _strangers)

import ast
import contextlib
import errno
import hashlib
import json
import platform
import re
import shutil
import subprocess
import sysconfig
import time

# Without symbolic links, so that the course is one folder however it is reached.
ROOT = os.path.dirname(os.path.realpath(__file__))
VENV = os.path.join(ROOT, ".venv")
# What lessons, studio and command line need; and what only tests need, added at the first `test`.
LOCKS = {
    "lock": os.path.join(ROOT, "requirements.lock"),
    "test lock": os.path.join(ROOT, "requirements-test.lock"),
}
# What has to be there for the environment to count as working.
MODULES = {
    "lock": (
        "helpers",
        "ipywidgets",
        "jupyterlab",
        "keras",
        "matplotlib",
        "numpy",
        "PIL",
        "tensorflow",
        "voila",
    ),
    "test lock": ("pytest", "xdist"),
}
DISK_NEEDED = {"lock": 4 * 1024**3, "test lock": 1024**3}
STAMP = os.path.join(VENV, "course.json")
INSTALLING = os.path.join(ROOT, ".venv.lock")
# The settings of pip that an installation keeps.
PIP_NETWORK = (
    "cache-dir",
    "cert",
    "client-cert",
    "default-timeout",
    "extra-index-url",
    "find-links",
    "index-url",
    "keyring-provider",
    "no-cache-dir",
    "no-index",
    "proxy",
    "pypi-url",
    "retries",
    "timeout",
    "trusted-host",
    "use-deprecated",
    "use-feature",
)
SUPPORTED = ((3, 11), (3, 12), (3, 13))
STUDIO = "notebooks/app/studio.ipynb"
FIRST_LESSON = "notebooks/00_start_here.ipynb"

KERNEL_SETTINGS = """\
# A notebook's own folder is searched last: a file of the name of a module there must not replace the module.
c = get_config()
c.InteractiveShellApp.ignore_cwd = True
c.InteractiveShellApp.exec_lines = ["import sys as _sys; _sys.path.append(''); del _sys"]
"""

USAGE = """\
usage: python3 course.py COMMAND [ARGUMENTS]

  lab          open the lessons in JupyterLab (its options are passed on: --no-browser, --port 8889)
  studio       open the studio of lesson 10 as a page of its own (Voilà's options are passed on)
  test         test all that a user relies on, in minutes; `test --full` runs every test there is
               (pytest's options are passed on)
  transfer     paint a content image in the style of another image
  reconstruct  reconstruct a picture from the activations of one layer of the network
  texture      synthesize a texture from the Gram matrices of a picture
  paint        paint pictures in one pass with a trained painter
  train-painter
               train a painter for a style image
  frames       paint the frames of a film, each initialized with the one before
  again        repeat the run that made a picture
  gallery      paint every content image in every style
  benchmark    measure the computing time on this machine
  results      make the pictures under images/results/ again
  slides       run lessons and write each as slides for a lecture: `slides 04 A1`
  handout      write handouts for students and instructors, and assignments for nbgrader: `handout 04`
  run          run all lessons in full and write them as a site, under output/site/
  publish      write the name of your own repository into the course, for Colab and a site on GitHub Pages

`python3 course.py transfer --help` tells a command's arguments. The first command makes the environment
.venv beside this file; every later one starts at once.
"""


class Missing(Exception):
    """Something the course needs is not here; the text says what, and the remedy."""


def main(arguments):
    """Run one command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal or pipe may lack a letter of a message.
            stream.reconfigure(errors="replace")
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    command, rest = arguments[0], arguments[1:]
    try:
        python = ensure_environment(("lock", "test lock") if command == "test" else ("lock",))
    except Missing as missing:
        print("course.py: {}".format(missing), file=sys.stderr)
        return 1
    # -P: modules are not looked for in the folder of the call, which may hold a stranger's helpers.py.
    if command == "lab":
        return run([python, "-P", "-m", "jupyterlab", *lab_options(rest)])
    if command == "studio":
        return run([python, "-P", "-m", "voila", *studio_options(rest), STUDIO])
    if command == "test":
        return run([python, "-m", "pytest", *rest])
    # Relative paths in the arguments are the caller's: the working directory stays what it is.
    return run([python, "-P", "-m", "helpers", command, *rest], cwd=None)


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
    """Voilà's options: the course's own, then the caller's, who may name another token, or none."""
    # Whoever reaches the page makes this machine compute: it asks for a token, as JupyterLab does.
    return ["--theme=light", "--Voila.auto_token=True"] + rest


def run(command, cwd=ROOT):
    """Run a command in the environment, signals included, and return its exit status."""
    if os.name == "posix":
        # In place of this process: whatever is sent to it, even a kill, reaches the command itself.
        if cwd is not None:
            os.chdir(cwd)
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
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
    python, wanted = environment_python(), wanted_stamp(needed)
    if is_made(wanted) and trouble_with(python) is None:
        return python
    if os.path.realpath(sys.prefix) == os.path.realpath(VENV):
        raise Missing(
            "the environment .venv is out of date and cannot renew itself from within. Leave it "
            "(`deactivate`) and start the same command with the Python outside it."
        )
    check_machine()
    check_python()
    with only_one_at_a_time() as lock:
        # Another start may have made it in the meantime.
        if not is_made(wanted) or trouble_with(python) is not None:
            make_environment(python, needed, wanted, lock)
    return python


def is_made(wanted):
    """Whether the environment was completed with all that is wanted."""
    made = read_stamp()
    return all(made.get(key) == value for key, value in wanted.items())


def make_environment(python, needed, wanted, lock):
    """Install the locks that are missing, into a new environment unless the one that is there works."""
    made = read_stamp()
    trouble = trouble_with(python) if made else None
    if trouble is not None:
        print("The environment .venv no longer works ({}).".format(trouble), flush=True)
        made = {}
    missing = [name for name in needed if made.get(name) != wanted[name]]
    check_disk(missing)
    if not made:
        print("Making the environment .venv with Python {} ...".format(platform.python_version()), flush=True)
        shutil.rmtree(VENV, ignore_errors=True)
        # -I: without the caller's folder and settings.
        if subprocess.call([sys.executable, "-I", "-m", "venv", VENV]) != 0:
            raise Missing("the environment .venv could not be made; the lines above say why.")
    if missing:
        # The test lock's versions go with the lock's: both are given, and pip passes over what is there.
        install(python, needed, "test lock" if missing == ["test lock"] else "lock", lock)
    finish_environment(python)
    try_imports(python, needed)
    write(STAMP, json.dumps(wanted if missing else dict(made, **wanted)))


def trouble_with(python):
    """Why the environment does not work, in words; None where it does.

    The Python that it was made with may have been upgraded since, moved or removed.
    """
    found = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, sys.argv[1:])))"
    try:
        status = subprocess.call(
            [python, "-I", "-c", found, *MODULES["lock"]],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return "its Python is gone"
    return "its packages are not those of its Python" if status else None


@contextlib.contextmanager
def only_one_at_a_time():
    """Let a second start wait until the first has made the environment; yields the lock's file descriptor."""
    with open(INSTALLING, "w") as file:
        try:
            import fcntl

            acquire = lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            import msvcrt

            acquire = lambda: msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        waiting = False
        while True:
            try:
                acquire()
                break
            except OSError as error:
                # Some network disks have no locks: then there is nothing to wait for.
                if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                    break
            if not waiting:
                print("Another start of the course is installing its packages; waiting for it.", flush=True)
            waiting = True
            time.sleep(1)
        yield file.fileno()


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
    """What the environment has to be made from: these locks, and the settings of this file."""
    stamp = {"settings": hashlib.sha256(KERNEL_SETTINGS.encode()).hexdigest()}
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


def install(python, needed, new, lock=None):
    """Install the needed locks' packages with pip, showing which one of the new ones it is at.

    While packages are being replaced the environment counts as not made. ``lock``: a file descriptor that pip
    keeps open, so that the lock outlives this process if it is killed.
    """
    with open(LOCKS[new], encoding="utf-8") as file:
        total = sum(bool(re.match(r"[A-Za-z0-9]", line)) for line in file)
    what = "that only tests need" if new == "test lock" else "of requirements.lock"
    print("Installing the packages {}, once; it takes a while.".format(what), flush=True)
    command = [python, "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--require-hashes", "--only-binary=:all:"]
    for name in needed:
        command += ["-r", LOCKS[name]]
    kept = {"pass_fds": (lock,)} if os.name == "posix" and lock is not None else {}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        env=pip_environment(python),
        **kept,
    )
    lines, done = [], 0
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Collecting "):
            done += 1
            show_line("  fetching {} of about {}: {}".format(done, total, line.split()[1]))
        elif line.startswith("Installing collected"):
            with contextlib.suppress(OSError):
                os.remove(STAMP)
            show_line("  unpacking {} packages".format(done))
    show_line("")
    if process.wait() != 0:
        sys.stderr.write("".join(lines[-15:]))
        raise Missing(
            "pip could not install the packages; its last lines are above. " + remedy("".join(lines))
        )


def remedy(output):
    """What to do about what pip has said."""
    if re.search(r"No space left|Errno 28|disk full", output, re.I):
        return "Make room on the disk and start the same command again."
    if re.search(r"HASHES|hashes", output):
        return "A package is not the one that the lock names: look at the index that pip is set to use."
    if re.search(r"Permission|Access is denied", output):
        return "Look who may write into {}.".format(VENV)
    if re.search(r"connect|timed? ?out|resolve|resolution|proxy|SSL|No matching distribution", output, re.I):
        return "Look at the network and start the same command again: what was fetched is kept."
    return "Start the same command again once that is mended: what was fetched is kept."


def pip_environment(python):
    """The environment variables for pip: of the user's settings those about the network, and no others.

    Others (user, target, prefix, no-deps, dry-run ...) would put the packages elsewhere, or none.
    """
    given = {name[len("PIP_") :]: value for name, value in os.environ.items() if name.startswith("PIP_")}
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    # The files alone: some of the variables keep pip from listing anything.
    of_files = dict(variables, **{"PIP_CONFIG_FILE": given["CONFIG_FILE"]} if "CONFIG_FILE" in given else {})
    listing = subprocess.Popen(
        [python, "-I", "-m", "pip", "--disable-pip-version-check", "config", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        universal_newlines=True,
        env=of_files,
    ).communicate()[0]
    found = re.findall(r"^(global|install)\.([\w-]+)=('.*'|\".*\")$", listing, re.M)
    # Sorted as pip reads them: what the section for installations says goes before what the global one does,
    # and a variable before both. A setting may have several values, each on a line of its own.
    settings = {name: " ".join(ast.literal_eval(value).split()) for _, name, value in sorted(found)}
    settings.update((name.lower().replace("_", "-"), value) for name, value in given.items())
    for name in PIP_NETWORK:
        if name in settings:
            variables["PIP_" + name.upper().replace("-", "_")] = settings[name]
    variables["PIP_CONFIG_FILE"] = os.devnull
    return variables


def show_line(text):
    """Replace the terminal's current line; elsewhere print nothing."""
    if sys.stdout is not None and sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        sys.stdout.write("\r" + text[:width].ljust(width) + ("" if text else "\r"))
        sys.stdout.flush()


def finish_environment(python):
    """Let the environment find `helpers`, before what is in the caller's folder, and no news come up."""
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.check_output([python, "-I", "-c", where], universal_newlines=True).strip()
    with open(os.path.join(packages, "neural_style_course.pth"), "w", encoding="utf-8") as file:
        # Relative, so that the folder of the course can be moved.
        file.write(os.path.relpath(ROOT, os.path.realpath(packages)) + "\n")
    shared = os.path.join(VENV, "share", "jupyter")
    news = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
    write(os.path.join(shared, "lab", "settings", "overrides.json"), json.dumps(news))
    kernel = os.path.join(shared, "kernels", "python3", "kernel.json")
    with open(kernel, encoding="utf-8") as file:
        settings = json.load(file)
    if "-P" not in settings["argv"]:
        settings["argv"].insert(1, "-P")
        write(kernel, json.dumps(settings))
    write(os.path.join(VENV, "etc", "ipython", "ipython_config.py"), KERNEL_SETTINGS)


def write(path, text):
    """Write a file, and its folder if need be."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def try_imports(python, needed):
    """Raise Missing unless the packages can be imported."""
    modules = [module for name in needed for module in MODULES[name]]
    command = [python, "-I", "-c", "import " + ", ".join(modules)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
    )
    output = process.communicate()[0]
    if process.returncode != 0:
        last = (output.strip().splitlines() or ["it ended with status {}".format(process.returncode)])[-1]
        raise Missing("the packages are installed and cannot be used: {}".format(last.strip()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
