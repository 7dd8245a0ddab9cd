"""JAX and PyTorch, where they are installed, compute what the backend of this process computes."""

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import STYLE_LAYERS, Tiling, load_image, objective, preprocess, transfer
from helpers.compute.framework import device, keras
from helpers.engine.tiling import Evaluator
from helpers.options import merged
from helpers.terms import content_term, style_term
from helpers.vgg import FeatureExtractor

ROOT = Path(__file__).parents[2]
NETWORK = FeatureExtractor("bundled", "avg", True, "float32")
# A GPU rounds the factors of its products to 10 bits, each framework of others.
LOSS_NEAR, GRADIENT_NEAR = (1e-4, 1e-3) if device() == "cpu" else (1e-2, 3e-2)
WAYS = {"whole": None, "tiled": Tiling(48, "block2_pool")}


def computed_here():
    """Losses and gradients of one objective, whole and tiled, and the totals of a short transfer."""
    photo, painting = (preprocess(load_image(name, size=48)) for name in ("temple", "great_wave"))
    # Away from the photo, where the content loss and its gradient are zero.
    pixels = photo + np.random.default_rng(5).normal(0, 12, photo.shape).astype(np.float32)
    found = {}
    for way, tiling in WAYS.items():
        content = Evaluator(NETWORK, tiling).feature_maps(photo, ["conv4_2"])["block4_conv2"]
        grams = Evaluator(NETWORK, tiling).style_sums(painting, STYLE_LAYERS)
        terms = [content_term(content, "conv4_2", 1.0, per_entry=True), style_term(grams, 0.1)]
        losses, gradient = objective(terms, *NETWORK, tiling=tiling)(pixels)
        found[f"{way}/losses"] = np.array([losses[name] for name in ("total", "content", "style")])
        found[f"{way}/gradient"] = keras.ops.convert_to_numpy(gradient)
    run = {"size": 48, "steps": 3, "start": "content", "weights": "bundled", "precision": "float32"}
    history = transfer("temple", "great_wave", **merged(run, {"progress": False})).history
    found["transfer/totals"] = np.array([record["total"] for record in history])
    return found


@pytest.fixture(scope="module")
def python_with(run_python):
    """A function that runs Python with a backend, which is chosen once, when Keras is imported."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return lambda backend, *arguments: run_python(
        *arguments, environment={"KERAS_BACKEND": backend, "PYTHONPATH": path}
    )


@pytest.fixture(scope="module")
def here():
    return computed_here()


def if_installed(backend):
    missing = importlib.util.find_spec(backend) is None
    return pytest.param(backend, marks=pytest.mark.skipif(missing, reason=f"{backend} is not installed"))


@pytest.fixture(scope="module", params=map(if_installed, ["jax", "torch"]))
def there(request, tmp_path_factory, python_with):
    """The same numbers from a process with another backend."""
    path = tmp_path_factory.mktemp("backend") / f"{request.param}.npz"
    run = python_with(request.param, __file__, str(path))
    assert run.returncode == 0, run.stderr
    with np.load(path) as numbers:
        assert str(numbers["backend"]) == request.param
        return dict(numbers)


@pytest.mark.parametrize("way", WAYS)
def test_loss_and_gradient_do_not_know_of_the_backend(here, there, way, apart):
    assert (here[f"{way}/losses"] > 0).all()
    np.testing.assert_allclose(there[f"{way}/losses"], here[f"{way}/losses"], rtol=LOSS_NEAR)
    expected = here[f"{way}/gradient"]
    assert there[f"{way}/gradient"].shape == expected.shape
    assert apart(there[f"{way}/gradient"], expected) <= GRADIENT_NEAR


def test_a_transfer_goes_the_same_way_with_every_backend(here, there):
    assert len(here["transfer/totals"]) == 3
    np.testing.assert_allclose(there["transfer/totals"], here["transfer/totals"], rtol=1e-2)


def test_an_unknown_backend_is_named(python_with):
    run = python_with("nonsense", "-c", "import helpers.compute.framework")
    assert run.returncode != 0
    last = run.stderr.strip().splitlines()[-1]
    assert "backend" in last
    assert "nonsense" in last


if __name__ == "__main__":
    np.savez(sys.argv[1], backend=keras.backend.backend(), **computed_here())
