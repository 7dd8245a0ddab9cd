"""The loop over pixels: an objective, a start, and an optimiser that lowers the one from the other."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import scipy.fft
import scipy.optimize

from helpers.backend import keras, value_and_gradient
from helpers.images import IMAGENET_MEAN, deprocess
from helpers.losses import Term, weighted_sum
from helpers.vgg import Pooling, feature_model, layer_names

Optimizer = Literal["lbfgs", "adam"]
Record = dict[str, float]
Callback = Callable[[Record, Callable[[], np.ndarray]], None]
Evaluate = Callable[[np.ndarray], tuple[dict[str, float], np.ndarray]]
Step = Callable[[np.ndarray, dict[str, float], int], None]
