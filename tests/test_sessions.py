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


def test_settings_of_the_session_change_nothing_and_are_left_as_they_were(as_usual, tmp_path):
    compare = "before = state()\n{}\nassert state() == before, (before, state())"
    program = SETTINGS_OF_OTHERS + STATE + compare.format(WHAT_THE_COURSE_DOES)
    assert_same(results(tmp_path, "set", program), as_usual)


def test_settings_of_the_users_keras_json_change_nothing(as_usual, tmp_path):
    settings = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.1}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    program = "import numpy as np\n" + WHAT_THE_COURSE_DOES
    assert_same(results(tmp_path, "json", program, KERAS_HOME=str(tmp_path)), as_usual)
