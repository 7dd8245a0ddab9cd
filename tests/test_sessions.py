"""The user's own session: the same is computed whatever Keras and TensorFlow are set to, and stays set."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent

SETTINGS_OF_OTHERS = """
import random
import keras
import numpy as np
keras.utils.set_random_seed(7)
keras.config.set_image_data_format("channels_first")
keras.config.set_floatx("float64")
keras.config.set_dtype_policy("mixed_float16")
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    tf.config.run_functions_eagerly(True)
np.seterr(all="raise")
"""

STATE = """
def state():
    found = [
        keras.config.image_data_format(), keras.config.floatx(), keras.config.dtype_policy().name,
        random.getstate(), np.random.get_state()[1].tolist(), np.geterr(),
    ]
    if keras.backend.backend() == "tensorflow":
        from tensorflow.python.framework import config
        found += [tf.config.functions_run_eagerly(), config.is_op_determinism_enabled()]
    return found
"""

WHAT_THE_COURSE_DOES = """
import sys
import helpers
from helpers import Run, feature_model, gram_matrix, load_image, preprocess, transfer
from helpers import reconstruct, synthesize_texture, vgg19

quiet = {"size": 48, "steps": 3, "network": {"weights": "bundled", "precision": "float32"}}
run = {"progress": False}
adam = {**run, "optimizer": "adam", "deterministic": True}
terms = {"total variation": 0.01, "histogram": 0.1}
masks = ["temple_sky", "temple_ground"]
pixels = preprocess(load_image("cat", 64))
arrays = {
    "transfer": transfer("cat", "great_wave", terms=terms, run=run, **quiet).image,
    "masks": transfer("temple", ["great_wave"] * 2, masks=masks, run=run, **quiet).image,
    "adam": transfer("cat", "great_wave", run=adam, **quiet).image,
    "reconstruction": reconstruct("cat", run=run, **quiet).image,
    "texture": synthesize_texture("gravel", run=run, **{**quiet, "size": 64}).image,
    "random": reconstruct("cat", "conv2_1", run=run, size=48, steps=2, network={"weights": "random"}).image,
    "pool": np.asarray(vgg19("bundled")(pixels)),
    "gram": np.asarray(gram_matrix(feature_model("conv3_1", "bundled", normalized=True)(pixels)["conv3_1"])),
    "winograd": np.asarray(feature_model("conv3_1", "bundled", direct=False)(pixels)["conv3_1"]),
}
np.savez(sys.argv[1], **arrays)
"""


def results(tmp_path, name, program, **environment):
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / f"{name}.npz"],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / f"{name}.npz") as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def as_usual(tmp_path_factory):
    program = "import numpy as np\n" + WHAT_THE_COURSE_DOES
    return results(tmp_path_factory.mktemp("usual"), "usual", program)


def assert_same(found, expected):
    for name, values in expected.items():
        assert found[name].dtype == values.dtype, name
        np.testing.assert_allclose(found[name], values, rtol=1e-3, atol=2e-3 * values.max(), err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        "tf.experimental.numpy.experimental_enable_numpy_behavior()",
        "import warnings; warnings.simplefilter('error')",
        "tf.debugging.enable_check_numerics()",
        "tf.config.optimizer.set_jit(True)",
        "tf.Graph().as_default().__enter__()",
        "keras.config.set_dtype_policy(keras.dtype_policies.QuantizedDTypePolicy('int8', 'float32'))",
    ],
)
def test_rarer_settings_change_nothing_either(setting, as_usual, tmp_path):
    program = f"import keras, numpy as np, tensorflow as tf\n{setting}\n{WHAT_THE_COURSE_DOES}"
    assert_same(results(tmp_path, "rare", program), as_usual)


def test_settings_of_the_session_change_nothing_and_are_left_as_they_were(as_usual, tmp_path):
    compare = "before = state()\n{}\nassert state() == before, (before, state())"
    program = SETTINGS_OF_OTHERS + STATE + compare.format(WHAT_THE_COURSE_DOES)
    assert_same(results(tmp_path, "set", program), as_usual)


@pytest.mark.slow
def test_settings_of_the_users_keras_json_change_nothing(as_usual, tmp_path):
    settings = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.1}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    program = "import numpy as np\n" + WHAT_THE_COURSE_DOES
    assert_same(results(tmp_path, "json", program, KERAS_HOME=str(tmp_path)), as_usual)


AFTER_A_RUN = """
import multiprocessing, os, sys
import keras, tensorflow as tf
from helpers import reconstruct, vgg19

arguments = {"size": 32, "steps": 1, "network": {"weights": "random"}}
reconstruct("cat", "conv1_1", run={"progress": False, "deterministic": True}, **arguments)
"""


def test_determinism_ends_with_the_run_and_a_fork_after_it_says_what_to_do(run_python):
    model = "keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)])"
    program = AFTER_A_RUN + (
        f"tf.random.normal((2,))\nmodel = {model}\nmodel.compile('sgd', 'mse')\n"
        "model.fit(tf.ones((8, 4)), tf.ones((8, 1)), verbose=0)\n"
        "tf.config.experimental.enable_op_determinism()\n"
        "reconstruct('cat', 'conv1_1', run={'progress': False, 'deterministic': True}, **arguments)\n"
        "from tensorflow.python.framework import config\nassert config.is_op_determinism_enabled()\n"
        "def work(what):\n"
        "    try:\n"
        "        vgg19() if what == 'network' else reconstruct('cat', run={'progress': False}, **arguments)\n"
        "    except Exception as error:\n"
        "        return type(error).__name__ + ': ' + str(error)\n"
        "if hasattr(os, 'fork'):\n"
        "    with multiprocessing.get_context('fork').Pool(1) as pool:\n"
        "        for what in ('network', 'run'):\n"
        "            print(pool.apply_async(work, [what]).get(60))\n"
    )
    done = run_python("-c", program)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == (2 if hasattr(os, "fork") else 0)
    for line in said:
        assert line.startswith("RunError")
        assert "spawn" in line


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_process_forked_before_the_first_run_computes(run_python):
    program = (
        "import multiprocessing, helpers, helpers.recipes\n"
        "def work(_):\n"
        "    arguments = {'size': 32, 'steps': 1, 'network': {'weights': 'random'}}\n"
        "    return helpers.reconstruct('cat', 'conv1_1', run={'progress': False}, **arguments).image.shape\n"
        "with multiprocessing.get_context('fork').Pool(1) as pool:\n"
        "    print(pool.apply_async(work, [0]).get(100))\n"
    )
    done = run_python("-c", program)
    assert "(32, 48, 3)" in done.stdout, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX closes the descriptors")
def test_without_stderr_and_stdout_a_picture_is_painted(tmp_path):
    arguments = "transfer cat great_wave --size 32 --steps 1 --output"
    command = f'"{sys.executable}" -m helpers {arguments} "{tmp_path}/painted.png" >&- 2>&-'
    assert subprocess.run(["sh", "-c", command], cwd=ROOT, check=False).returncode == 0
    assert (tmp_path / "painted.png").exists()


@pytest.mark.parametrize(
    "backend", ["theano", *(pytest.param(b, marks=pytest.mark.slow) for b in ("numpy", "tf"))]
)
def test_an_unknown_backend_gets_the_three_that_serve(run_python, backend):
    done = run_python(
        "-m", "helpers", "transfer", "--size", "32", env={**os.environ, "KERAS_BACKEND": backend}
    )
    assert done.returncode == 1
    assert "tensorflow, jax or torch" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
