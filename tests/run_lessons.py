"""How the tests read the lessons and run them."""

import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
LESSONS = [*sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")), *sorted(NOTEBOOKS.glob("appendix/A[0-9]_*.ipynb"))]


def tagged(notebook, tag):
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def solution_of(cell):
    return re.search(r"```python\n(.*?)```", cell.source, re.S)[1]


def with_solutions(notebook):
    """The same lesson, where each exercise is checked as given, then solved and checked again."""
    cells, check = [], None
    for cell in notebook.cells:
        cells.append(cell)
        tags = cell.metadata.get("tags", [])
        if "check" in tags:
            check = cell.source
        if "solution" in tags:
            cells.append(nbformat.v4.new_code_cell(solution_of(cell)))
            cells.append(nbformat.v4.new_code_cell(check, metadata={"tags": ["check"]}))
    notebook.cells = cells
    return notebook


FAST = ("COURSE_FAST", "1")


def run(
    notebook, monkeypatch, functions, folder=NOTEBOOKS, kernel="python3", manager=None, pace=FAST, timeout=240
):
    """The notebook after all its cells ran without a word on stderr, in fast mode unless ``pace`` is another.

    ``functions``: the folder of the student's functions, which is not that of whoever runs the tests.
    ``manager``: of a kernel that is started if it does not run, and goes on afterwards; else the notebook
    has a kernel of its own.
    ``pace``: name and value of the variable that sizes and steps follow. ``timeout``: of a cell, in seconds.
    """
    monkeypatch.delenv("COURSE_GPU_STEPS", raising=False)
    monkeypatch.delenv("COURSE_FAST", raising=False)
    monkeypatch.setenv(*pace)
    monkeypatch.setenv("COURSE_FUNCTIONS", str(functions))
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, manager, timeout=timeout, kernel_name=kernel, resources=resources)
    try:
        client.execute()
    finally:
        if manager is not None and client.kc is not None:
            client.kc.stop_channels()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            assert output.get("name") != "stderr", output["text"]
    return notebook


def verdicts(notebook):
    return [
        output["data"]["text/plain"]
        for cell in tagged(notebook, "check")
        for output in cell.outputs
        if output["output_type"] == "execute_result"
    ]
