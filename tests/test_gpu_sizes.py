"""The sizes that lessons take on a GPU: that they fit one of 16 GB, and that the lessons run at them."""

import ast

import nbformat
import PIL.Image
import pytest
from run_lessons import LESSONS, run, verdicts, with_solutions

from helpers.engine.memory import GB, fitting_tiling, peak_memory
from helpers.files.bundled import bundled_images
from helpers.layers import CONTENT_LAYER, CONV_LAYERS, STYLE_LAYERS, filters, layers_up_to, stride

OF_16_GB = 13_600 * 2**20
"""What TensorFlow leaves to a program on a Tesla T4, the GPU of 16 GB that Colab lends: it reports 13,627 to
13,942 MB when it starts."""

NOT_SIZES = {"patches_each"}
"""What lessons call the first number of a pace that is not the side of a picture."""

KEPT_BY_HAND = 10
"""The peak memory of a loop written by hand, relative to the activations of the network, the program itself
not included. Measured on a CPU at shorter sides of 192 and 384 pixels: 9.7 and 7.2 where only the loss is
compiled, as in lesson 5; 6.3 and 5.0 with nothing compiled; 5.1 and 4.4 with a compiled step."""


def is_pace(node):
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "pace"


def nodes_of(path):
    """All nodes of the syntax trees of a lesson's code."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            yield from ast.walk(ast.parse(cell.source))


def sizes_of(path):
    """The sizes of the pictures that a lesson takes on a GPU, with the names that it gives them."""
    for node in nodes_of(path):
        if isinstance(node, ast.Assign) and is_pace(node.value):
            given = {each.arg: ast.literal_eval(each.value) for each in node.value.keywords}
            yield node.targets[0].elts[0].id, given["gpu"][0]


SIZES = [(path.stem, *found) for path in LESSONS for found in sizes_of(path) if found[0] not in NOT_SIZES]


@pytest.fixture(scope="module")
def widest():
    """The largest ratio of the sides of a bundled picture."""
    sides = [PIL.Image.open(path).size for kind in ("content", "style") for path in bundled_images(kind)]
    return max(max(each) / min(each) for each in sides)


def by_hand(height, width):
    """The peak memory of a loop without tiles, in bytes: a tape keeps the activations of all layers."""
    layers = layers_up_to([CONTENT_LAYER, *STYLE_LAYERS])
    activations = sum(4 * filters(layer) / stride(layer) ** 2 for layer in layers)
    return GB + KEPT_BY_HAND * height * width * activations


def test_no_pace_is_overlooked():
    calls = [node for path in LESSONS for node in nodes_of(path) if is_pace(node)]
    assert len(calls) == len(SIZES) + len(NOT_SIZES)


@pytest.mark.parametrize(("lesson", "name", "size"), SIZES)
def test_a_gpu_of_16_gb_holds_the_pictures_of_a_lesson_whole(lesson, name, size, widest):
    height, width = size, round(size * widest)
    assert fitting_tiling(height, width, CONV_LAYERS, "float32", available=OF_16_GB) is None
    assert peak_memory(height, width, CONV_LAYERS, "float32") < OF_16_GB
    assert by_hand(height, width) < OF_16_GB


LOOP = """\
import sys
from helpers import load_image, paper
from helpers.tools.benchmark import peak_of_this_process
content, style = (load_image(name, size=256) for name in ("temple", "great_wave"))
loss, step = paper.transfer_loss(content, style, 1.0, 50.0), paper.loss_and_gradient
if sys.argv[1] == "compiled loss":
    loss = paper.tf.function(loss)
if sys.argv[1] == "compiled step":
    step = paper.tf.function(lambda loss, pixels: paper.loss_and_gradient(loss, pixels))
for _ in range(3):
    step(loss, paper.tf.constant(paper.preprocess(content)))
print(peak_of_this_process())
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["nothing compiled", "compiled loss", "compiled step"])
def test_the_estimate_of_a_loop_by_hand_is_not_below_a_measurement(way, run_python):
    measured = int(run_python("-c", LOOP, way, check=True).stdout)
    assert by_hand(256, 384) / 3 < measured < by_hand(256, 384)


PEAK = "from helpers.tools.benchmark import peak_of_this_process\nprint(peak_of_this_process())"


@pytest.mark.slow
@pytest.mark.lesson
@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_at_the_sizes_of_a_gpu(path, monkeypatch, tmp_path):
    """With two steps a run, on the CPU. Its memory, TensorFlow itself included, stands for that of a GPU."""
    lesson = with_solutions(nbformat.read(path, as_version=4))
    lesson.cells.append(nbformat.v4.new_code_cell(PEAK))
    ran = run(lesson, monkeypatch, tmp_path, pace=("COURSE_GPU_STEPS", "2"), timeout=1800)
    found = verdicts(ran)
    assert all(verdict.startswith("Right.") for verdict in found[1::2]), found
    assert int(ran.cells[-1].outputs[0]["text"]) < OF_16_GB
