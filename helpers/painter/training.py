"""Training of a painter: the losses of transfer, minimized over the weights of a network, for many photos."""

import contextlib
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from helpers.compute.framework import deterministic, keras, keras_defaults
from helpers.engine.checkpoints import load_training, save_training
from helpers.engine.coarse_to_fine import Callback
from helpers.engine.run import fingerprint, versions
from helpers.errors import ArgumentError, RunError, check_number, check_whole
from helpers.files.bundled import bundled_images
from helpers.images import load_image, preprocess, resize_image
from helpers.losses import gram_per_position, relative_content_loss, relative_style_loss
from helpers.painter.network import Painter, load_painter, paint, painter_network, with_noise
from helpers.progress import progress_bar
from helpers.vgg import feature_model
from helpers.weights import resolve_weights

ops = keras.ops

CONTENT, STYLE = "block3_conv1", ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1")
"""The layers of the content loss and of the style loss."""

CROP = 128
"""The height and width of the crops that a painter is trained on, in pixels."""

LEARNING_RATE, WARM_UP = 0.002, 100
"""The largest learning rate of Adam, and the number of steps in which it is reached."""

_SECONDS_PER_CHECKPOINT = 60


def random_crop(photos: Sequence[np.ndarray], generator: np.random.Generator) -> np.ndarray:
    """A random square of a random photo, as pixels ``(1, CROP, CROP, 3)``.

    It is resized as if its photo had a shorter side of 200 to 400 pixels, and mirrored every other time.
    ``photos``: images ``(H, W, 3)``.
    """
    photo = photos[generator.integers(len(photos))]
    shorter = min(photo.shape[:2])
    side = min(shorter, round(CROP * shorter / math.exp(generator.uniform(math.log(200), math.log(400)))))
    top, left = (generator.integers(length - side + 1) for length in photo.shape[:2])
    crop = resize_image(photo[top : top + side, left : left + side], CROP, CROP)
    return preprocess(crop[:, ::-1] if generator.random() < 0.5 else crop)


def painting_loss(
    style: np.ndarray, style_weight: float = 15.0, weights: str | os.PathLike = "auto"
) -> Callable[[Any, Any, Any], Any]:
    """The loss that training minimizes, a function (photo, painted, strength) → scalar.

        |F − P|² / |P|²  +  β' · 1/4 Σ_l |G_l − A_l|² / |A_l|²  +  penalty,    β' = style_weight · 10^strength

    ``style``: an image ``(H, W, 3)``, whose size decides that of the strokes. The function takes pixels
    ``(1, H, W, 3)`` of the photo and of the painted photo.
    The network is VGG19 as trained: of normalized filters, a few in ``conv2_1`` respond to some photos with
    many times their mean, and the loss explodes. So each loss is made relative instead. The penalty is the
    mean square by which colors lie outside 0…255, in units of 128: nothing else keeps them inside.
    """
    of_photo = feature_model(CONTENT, weights, direct=False)
    of_painted = feature_model(STYLE, weights, direct=False)
    grams = {layer: gram_per_position(maps) for layer, maps in of_painted(preprocess(style)).items()}
    black, white = (preprocess(np.full((1, 1, 3), level)) for level in (0, 255))

    def loss(photo: Any, painted: Any, strength: Any) -> Any:
        features = of_painted(painted)
        content = relative_content_loss(features[CONTENT], of_photo(photo)[CONTENT])
        style = sum(relative_style_loss(features[layer], gram) for layer, gram in grams.items()) / len(grams)
        outside = ops.relu(black - painted) + ops.relu(painted - white)
        return content + style_weight * 10 ** strength[0, 0] * style + ops.mean(ops.square(outside / 128))

    return loss


class TrainedNetwork(keras.Model):
    """A painter's network with its loss, in the form that Keras trains."""

    def __init__(self, network: keras.Model, loss: Callable[[Any, Any, Any], Any]) -> None:
        """``network``: see ``painter_network``; ``loss``: see ``painting_loss``."""
        super().__init__()
        self.network, self.painting_loss = network, loss

    def call(self, inputs: Sequence[Any]) -> Any:
        """``[pixels, strength]`` → pixels."""
        return self.network(inputs)

    def compute_loss(self, x: Any, y: Any, y_pred: Any, *_: Any, **__: Any) -> Any:
        """The loss of the photo ``y``, painted as ``y_pred`` from ``x``."""
        return self.painting_loss(y, y_pred, x[1])


def train_painter(
    style: Any,
    photos: Sequence[Any] | None = None,
    *,
    steps: int = 6000,
    start: Any = None,
    style_size: int = 256,
    style_weight: float = 15.0,
    seed: int = 0,
    weights: str | os.PathLike = "auto",
    checkpoint: str | os.PathLike | None = None,
    resume: bool = False,
    progress: bool = True,
    callback: Callback | None = None,
) -> Painter:
    """Train a painter for one style image.

    ``style``: whatever ``load_image`` accepts; ``style_size``: the shorter side to which it is resized.
    ``photos``: what to train on, by default the bundled photos. ``steps``: each on one ``random_crop``.
    ``start``: a painter to fine-tune, see ``load_painter``; by default random weights.
    ``style_weight``, ``weights``: see ``painting_loss`` and ``vgg19``.
    ``checkpoint``: a file written every minute and at the end; ``resume`` continues from it.
    ``callback``: see ``Callback``; its image is the first photo, painted.

    Adam, with a gradient of norm 1 at most; the learning rate rises for ``WARM_UP`` steps, and falls to 0
    along a cosine. The strength is drawn anew at each step, so that one network learns a range of β.
    A stop (Ctrl-C, ``StopIteration`` from the callback) returns the painter so far. One seed gives one
    painter on a CPU, interrupted or not.
    Raises ``ArgumentError``, ``CheckpointError``, ``RunError`` for a loss that is not finite, and as
    ``load_image``, ``load_painter``, ``vgg19`` and ``atomic_write`` do.
    """
    check_whole("The number of steps", steps)
    check_whole("The seed", seed, least=0)
    check_number("The weight of the style", style_weight)
    images = [load_image(photo) for photo in (bundled_images("content") if photos is None else photos)]
    if not images:
        raise ArgumentError("A painter is trained on one photo or more.")
    image, weights = load_image(style, style_size), resolve_weights(weights)
    began = start and load_painter(start)
    settings = {"recipe": "train_painter", "steps": steps, "seed": seed, "style_weight": style_weight}
    settings |= {"style": fingerprint(image), "photos": [fingerprint(photo) for photo in images]}
    settings |= {"weights": weights, "start": start and dict(began.settings)}
    trained = _ready_to_train(painting_loss(image, style_weight, weights), seed, began)
    network, optimizer = trained.network, trained.optimizer
    state = () if checkpoint is None else (Path(checkpoint), network, optimizer, settings)
    taken = load_training(*state) if state and resume else 0
    painter, preview = Painter(network, settings), load_image(images[0], 256)
    painted = lambda: paint(preview, painter)
    started = saved = time.perf_counter()
    with (
        progress_bar("painter", [1.0] * steps, progress, taken) as show,
        deterministic(),
        contextlib.suppress(KeyboardInterrupt, StopIteration),
    ):
        for step in range(taken, steps):
            optimizer.learning_rate = _learning_rate(step, steps)
            total = _take_step(trained, images, np.random.default_rng((seed, step)))
            if not math.isfinite(total):
                raise RunError(f"The loss of step {step + 1} is not a finite number: choose another weight.")
            taken = step + 1
            record = {"step": taken, "seconds": time.perf_counter() - started, "total": total}
            show(record, painted)
            if callback is not None:
                callback(record, painted)
            if state and time.perf_counter() - saved > _SECONDS_PER_CHECKPOINT:
                saved = time.perf_counter()
                save_training(*state, taken)
    if state:
        save_training(*state, taken)
    return Painter(network, {**settings, "steps_taken": taken, "versions": versions()})


def _ready_to_train(loss: Callable[[Any, Any, Any], Any], seed: int, began: Painter | None) -> TrainedNetwork:
    """A network with its loss and Adam, with random weights or those of a painter."""
    with keras_defaults():
        network = painter_network(seed=seed)
        trained = TrainedNetwork(network, loss)
        trained.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE, global_clipnorm=1.0))
        trained.optimizer.build(network.trainable_variables)
    if began:
        network.set_weights(began.network.get_weights())
    return trained


def _learning_rate(step: int, steps: int) -> float:
    """It rises along a line for ``WARM_UP`` steps, and falls to 0 along a cosine."""
    return LEARNING_RATE * min(1, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * step / steps)) / 2


def _take_step(
    trained: TrainedNetwork, photos: Sequence[np.ndarray], generator: np.random.Generator
) -> float:
    """Take one step on a random crop with a random strength, and return its loss."""
    photo = random_crop(photos, generator)
    strength = generator.uniform(-1, 1, (1, 1)).astype(np.float32)
    trained.reset_metrics()
    return float(trained.train_on_batch([with_noise(photo, generator), strength], photo))


def steps_within(minutes: float, style: Any, weights: str | os.PathLike = "auto") -> int:
    """How many steps of ``train_painter`` fit into some minutes, by the time that a few take here."""
    check_number("The number of minutes", minutes, above=True)
    seconds: list[float] = []
    note = lambda record, image: seconds.append(record["seconds"])
    train_painter(style, steps=8, weights=weights, progress=False, callback=note)
    # The first steps include compilation.
    return max(1, round(60 * minutes / np.median(np.diff(seconds)[2:])))
