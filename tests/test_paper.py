"""The page of the paper: its equations, losses and gradients are those of the engine, and it paints."""

import ast
from pathlib import Path

import nbformat
import numpy as np
import pytest
from run_lessons import solution_of, tagged

from helpers import load_image, losses, preprocess, save_image
from helpers.compute.framework import BACKEND
from helpers.layers import STYLE_LAYERS

if BACKEND != "tensorflow":
    pytest.skip("the page of the paper is written in TensorFlow", allow_module_level=True)

import tensorflow as tf

from helpers import paper, recipes
from helpers.engine import run as engine_run
from helpers.options import merged

ROOT = Path(__file__).parent.parent
IN_FLOAT32 = {"network": {"precision": "float32"}, "run": {"scales": 1, "progress": False}}


@pytest.fixture(scope="module")
def content():
    return load_image("cat", 50)


@pytest.fixture(scope="module")
def style():
    return load_image("great_wave", 44)


def maps(generator, height, width, filters=6):
    # As behind a ReLU: many activations are 0.
    return tf.constant(np.maximum(generator.standard_normal((1, height, width, filters)), 0), tf.float32)


def test_it_fits_on_a_page_and_imports_what_a_reader_of_the_paper_knows():
    source = (ROOT / "helpers" / "paper.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 220
    imported = {
        node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module.startswith("helpers")
    }
    allowed = {f"helpers.{name}" for name in ("images", "layers", "vgg", "losses", "errors")}
    assert imported <= allowed


def test_its_equations_are_those_of_the_losses(generator, apart):
    features, target, smaller = maps(generator, 5, 7), maps(generator, 5, 7), maps(generator, 4, 3)
    pairs = [
        (paper.content_loss, losses.content_loss, (features, target)),
        (paper.content_gradient, losses.content_gradient, (features, target)),
        (paper.gram_matrix, losses.gram_matrix, (features,)),
        (paper.style_layer_loss, losses.style_layer_loss, (features, smaller)),
        (paper.style_layer_gradient, losses.style_layer_gradient, (features, smaller)),
        (paper.total_loss, losses.total_loss, (2.0, 3.0, 0.5, 7.0)),
    ]
    for ours, theirs, arguments in pairs:
        assert apart(ours(*arguments), theirs(*arguments)) < 1e-5, ours.__name__
    two, others = ({"conv1_1": a, "conv2_1": b} for a, b in ((features, target), (smaller, smaller)))
    assert apart(paper.style_loss(two, others), losses.style_loss(two, others)) < 1e-5


def engine_at(recipe, arguments, pixels, monkeypatch):
    """The loss of a recipe and its gradient at some pixels, as the engine has them."""
    found = []

    def look(build, initial, sizes, **_):
        ((height, width),) = sizes
        assert (height, width) == pixels.shape[1:3]
        found.append(build(height, width)(tf.constant(pixels)))
        return pixels, []

    monkeypatch.setattr(engine_run, "coarse_to_fine", look)
    recipe(**merged(arguments, IN_FLOAT32))
    ((of_terms, gradient),) = found
    return of_terms["total"], gradient


@pytest.mark.parametrize("pays", [0, np.inf], ids=["Winograd convolutions", "direct convolutions"])
@pytest.mark.parametrize("experiment", ["reconstruct", "synthesize_texture", "transfer"])
def test_the_engine_computes_its_losses_and_gradients(
    experiment, pays, content, style, generator, apart, monkeypatch
):
    monkeypatch.setattr(engine_run, "WINOGRAD_MIN_PIXELS", pays)
    of_paper, arguments = {
        "reconstruct": (
            lambda: paper.reconstruction_loss(content, "conv3_1"),
            {"image": content, "layer": "conv3_1"},
        ),
        "synthesize_texture": (
            lambda: paper.texture_loss(style, STYLE_LAYERS),
            {"image": style, "size": content.shape[:2]},
        ),
        "transfer": (
            lambda: paper.transfer_loss(content, style, 2.0, 70.0),
            {"content": content, "style": style, "content_weight": 2.0, "style_weight": 70.0},
        ),
    }[experiment]
    pixels = preprocess(np.clip(content + 30 * generator.standard_normal(content.shape), 0, 255))
    value, gradient = paper.loss_and_gradient(of_paper(), tf.constant(pixels))
    total, of_engine = engine_at(getattr(recipes, experiment), arguments, pixels, monkeypatch)
    assert total == pytest.approx(float(value), rel=1e-4)
    # Winograd convolutions round otherwise: each of their activations by some 1e-6 of the largest.
    assert apart(of_engine, gradient) < (1e-4 if pays == np.inf or experiment == "reconstruct" else 1e-3)


def test_its_gradients_are_those_of_the_closed_forms(generator, apart):
    before_relu = tf.constant(generator.standard_normal((1, 5, 7, 6)), tf.float32)
    target, smaller = maps(generator, 5, 7), maps(generator, 4, 3)
    for loss, closed_form, other in (
        (paper.content_loss, paper.content_gradient, target),
        (paper.style_layer_loss, paper.style_layer_gradient, smaller),
    ):
        _, gradient = paper.loss_and_gradient(lambda x: loss(tf.nn.relu(x), other), before_relu)  # noqa: B023
        assert apart(closed_form(tf.nn.relu(before_relu), other), gradient) < 1e-5


def test_the_three_experiments_lower_their_losses(content, style):
    for image, history in (
        paper.reconstruct(content, "conv2_1", steps=6),
        paper.synthesize_texture(style, STYLE_LAYERS[:2], steps=6),
        paper.transfer(content, style, steps=6),
        paper.transfer(content, style, start=paper.white_noise(*content.shape[:2]), steps=6),
    ):
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert len(history) == 6
        assert history[-1] < 0.8 * history[0]


def test_white_noise_is_that_of_the_engine():
    noise = paper.white_noise(40, 60, seed=3)
    assert noise.shape == (40, 60, 3)
    engine = recipes.white_noise(200, 200, seed=3)
    large = paper.white_noise(200, 200, seed=3)
    assert large.mean(axis=(0, 1)) == pytest.approx(engine.mean(axis=(0, 1)), abs=0.5)
    assert large.std() == pytest.approx(engine.std(), rel=0.02)


def test_it_paints_from_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(paper, "transfer", lambda content, style: (content.astype(np.uint8), [3.0, 1.0]))
    small = save_image(np.full((9, 12, 3), 80), tmp_path / "small.png")
    assert paper.main([str(small), "great_wave", str(tmp_path / "out.png")]) == 0
    assert load_image(tmp_path / "out.png").shape[0] == 256
    assert "from 3.0 to 1.0" in capsys.readouterr().out
    assert paper.main([]).startswith("usage")
    assert "nowhere.jpg" in paper.main(["nowhere.jpg", "great_wave", str(tmp_path / "out.png")])


def defined_in(lesson, solutions):
    """The functions that a lesson's cells or its solutions define, each under the name without ``my_``."""
    (path,) = (ROOT / "notebooks").glob(f"{lesson}_*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    if solutions:
        sources = [solution_of(cell) for cell in tagged(notebook, "solution")]
    else:
        cells = (cell for cell in notebook.cells if cell.cell_type == "code")
        sources = [cell.source for cell in cells if "exercise" not in cell.metadata.get("tags", [])]
    scope = {name: value for name, value in vars(paper).items() if not name.startswith("__")}
    for source in sources:
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef):
                node.name = node.name.removeprefix("my_")
                exec(ast.unparse(node), scope)
    return scope


@pytest.mark.parametrize(
    ("lesson", "solutions", "names"),
    [
        ("03", True, "content_loss content_loss_per_entry content_gradient minimize"),
        ("04", True, "gram_matrix style_loss"),
        ("05", True, "total_loss"),
        (
            "05",
            False,
            "content_loss content_loss_per_entry gram_matrix positions style_layer_loss style_loss",
        ),
    ],
)
def test_lessons_define_the_same_functions_with_the_same_results(lesson, solutions, names, generator, apart):
    scope = defined_in(lesson, solutions)
    features, target, smaller = maps(generator, 5, 7), maps(generator, 5, 7), maps(generator, 4, 3)
    two, others = ({"conv1_1": a, "conv2_1": b} for a, b in ((features, target), (smaller, smaller)))
    arguments = {
        "content_loss": (features, target),
        "content_loss_per_entry": (features, target),
        "content_gradient": (features.numpy(), target.numpy()),
        "gram_matrix": (features,),
        "positions": (features,),
        "style_layer_loss": (features, smaller),
        "style_loss": (two, others),
        "total_loss": (2.0, 3.0, 0.5, 7.0),
    }
    for name in names.split():
        assert scope[name] is not getattr(paper, name), name
        if name == "minimize":
            (image, history), (other, right) = (
                function(lambda pixels: tf.reduce_sum(pixels**2), np.full((2, 3, 3), 200.0), 3)
                for function in (scope[name], paper.minimize)
            )
            assert np.abs(image.astype(float) - other).max() <= 1
            assert history == pytest.approx(right, rel=1e-5)
        else:
            assert apart(scope[name](*arguments[name]), getattr(paper, name)(*arguments[name])) < 1e-6, name
