"""The order of the modules, the names a reader imports, and what must not stand in the project."""

import ast
import re
from pathlib import Path

import pytest

import helpers

ROOT = Path(__file__).parent.parent
HELPERS = ROOT / "helpers"
MODULES = {
    ".".join(path.relative_to(HELPERS).with_suffix("").parts): path
    for path in HELPERS.rglob("*.py")
    if path.stem not in ("__init__", "__main__")
}
TIERS = [
    tuple(name.strip() for name in tier.split(","))
    for tier in re.search(r"imports only .*? in\n\n(.*?)\n\n", helpers.__doc__, re.S)[1].split("<")
]
"""The order in which data flows, as the package's own text has it."""


def imported_by(module):
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("helpers"):
            named = node.module.removeprefix("helpers").removeprefix(".")
            for name in (f"{named}.{alias.name}".lstrip(".") for alias in node.names):
                yield name if name in MODULES else named


def tier_of(module):
    package = module.split(".")[0]
    (number,) = (number for number, tier in enumerate(TIERS) if package in tier)
    return number


def test_the_order_names_every_module_once_and_nothing_else():
    named = [name for tier in TIERS for name in tier]
    assert len(named) == len(set(named))
    assert set(named) == {module.split(".")[0] for module in MODULES}
    assert len([module for module in MODULES if "." not in module]) <= 14


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_from_those_before_it(module):
    package = module.split(".")[0]
    for imported in imported_by(module):
        assert imported.split(".")[0] == package or tier_of(imported) < tier_of(module), imported


def test_no_modules_import_each_other_in_a_circle():
    imports = {module: {name for name in imported_by(module) if name in MODULES} for module in MODULES}
    while imports:
        free = [module for module, others in imports.items() if not others & imports.keys()]
        assert free, f"a circle among {sorted(imports)}"
        for module in free:
            del imports[module]


def test_only_the_framework_and_the_page_of_the_paper_know_which_framework_computes():
    for module, path in MODULES.items():
        # The exercises are written in what the lessons are written in.
        if module not in ("compute.framework", "paper") and not module.startswith("lessons.exercises."):
            assert not re.search(r"^\s*(import|from) (tensorflow|torch|jax)", path.read_text("utf-8"), re.M)


def test_every_public_name_is_there_and_says_what_it_is():
    for name in helpers.__all__:
        value = getattr(helpers, name)
        if callable(value):
            assert value.__doc__, name
    with pytest.raises(AttributeError, match="painting"):
        helpers.painting  # noqa: B018


def test_the_helpers_start_without_a_word(run_python):
    code = "import helpers; helpers.vgg19('random'); helpers.gram_matrix"
    done = run_python("-c", code, check=True)
    assert done.stdout == ""
    assert done.stderr == ""


def test_no_file_names_a_package_index():
    hosts = ("py" + "pi.org", "python" + "hosted", "--index" + "-url", "--find" + "-links")
    for path in [*ROOT.glob("*.*"), *ROOT.glob("helpers/**/*.py"), *ROOT.glob("notebooks/*")]:
        if path.is_file() and path.suffix not in (".npz", ".png"):
            text = path.read_text(encoding="utf-8")
            assert not any(host in text for host in hosts), path
