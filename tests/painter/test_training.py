"""Training of a painter, on tiny numbers of steps, and what the bundled painters reach."""

import random

import numpy as np
import pytest

from helpers import (
    Painter,
    feature_model,
    gram_matrix,
    painter_network,
    painting_loss,
    preprocess,
    random_crop,
    train_painter,
)
from helpers.errors import ArgumentError, CheckpointError, MissingFileError, RunError
from helpers.losses import relative_content_loss, relative_style_loss
from helpers.painter.training import CONTENT, CROP, STYLE


def trained(style, photo, **arguments):
    return train_painter(style, [photo], **{"steps": 3, "style_size": 32, "progress": False, **arguments})


def weights_of(painter):
    return np.concatenate([weight.ravel() for weight in painter.network.get_weights()])


@pytest.fixture(scope="module")
def three_steps(painting, cat):
    return trained(painting, cat)


def test_relative_losses_are_one_for_maps_of_zeros_and_zero_at_the_target(generator):
    maps = generator.uniform(0, 2, (1, 4, 5, 6)).astype("float32")
    gram = gram_matrix(maps) / 20
    assert float(relative_content_loss(maps, maps)) == 0
    assert float(relative_content_loss(0 * maps, maps)) == pytest.approx(1)
    assert float(relative_content_loss(3 * maps, maps)) == pytest.approx(4)
    assert float(relative_style_loss(maps, gram)) == pytest.approx(0, abs=1e-6)
    assert float(relative_style_loss(0 * maps, gram)) == pytest.approx(1)
    assert float(relative_style_loss(2 * maps, gram)) == pytest.approx(9, rel=1e-4)


def test_the_loss_is_the_sum_that_its_docstring_states(cat, painting, generator):
    photo = preprocess(cat[:32, :32])
    painted = preprocess(generator.uniform(0, 255, (32, 32, 3)))
    loss = painting_loss(painting, style_weight=7)
    features = feature_model(STYLE)(painted)
    grams = {layer: gram_matrix(maps) for layer, maps in feature_model(STYLE)(preprocess(painting)).items()}
    positions = {layer: np.prod(maps.shape[1:3]) for layer, maps in features.items()}
    wanted = feature_model(STYLE)(preprocess(painting))
    style = np.mean(
        [
            float(relative_style_loss(features[layer], grams[layer] / np.prod(wanted[layer].shape[1:3])))
            for layer in STYLE
        ]
    )
    assert min(positions.values()) == 16
    content = float(relative_content_loss(features[CONTENT], feature_model(CONTENT)(photo)[CONTENT]))
    for strength in (-1, 0, 1):
        found = float(loss(photo, painted, np.full((1, 1), strength, "float32")))
        assert found == pytest.approx(content + 7 * 10.0**strength * style, rel=1e-3)


def test_colors_outside_the_range_cost(cat, painting):
    photo = preprocess(cat[:32, :32])
    loss, strength = painting_loss(painting, style_weight=0), np.zeros((1, 1), "float32")
    inside, outside = preprocess(np.full((32, 32, 3), 255.0)), preprocess(np.full((32, 32, 3), 255.0 + 128))
    content = lambda pixels: float(
        relative_content_loss(feature_model(CONTENT)(pixels)[CONTENT], feature_model(CONTENT)(photo)[CONTENT])
    )
    assert float(loss(photo, inside, strength)) == pytest.approx(content(inside), rel=1e-3)
    assert float(loss(photo, outside, strength)) == pytest.approx(content(outside) + 1, rel=1e-3)


def test_crops_are_squares_of_the_photos():
    rows = np.broadcast_to(np.arange(300.0)[:, None, None] / 300 * 255, (300, 900, 3))
    crops = [random_crop([rows], np.random.default_rng(seed)) for seed in range(8)]
    for crop in crops:
        assert crop.shape == (1, CROP, CROP, 3)
        # What varies from row to row in the photo does so in the crop.
        assert np.ptp(crop, axis=2).max() < 2
        assert np.ptp(crop, axis=1).min() > 60
    assert len({float(crop[0, 0, 0, 0]) for crop in crops}) > 4


@pytest.mark.slow
def test_one_seed_gives_one_painter(three_steps, painting, cat):
    state = random.getstate()
    assert (weights_of(trained(painting, cat)) == weights_of(three_steps)).all()
    assert random.getstate() == state
    first, second = (weights_of(Painter(painter_network(seed=seed), {})) for seed in (0, 1))
    assert (first != second).mean() > 0.5


def test_an_interrupted_training_continues_to_the_same_painter(three_steps, painting, cat, tmp_path):
    def stop(record, image):
        assert image().shape[-1] == 3
        if record["step"] == 2:
            raise StopIteration

    path = tmp_path / "training.checkpoint"
    part = trained(painting, cat, checkpoint=path, callback=stop)
    assert part.settings["steps_taken"] == 2
    whole = trained(painting, cat, checkpoint=path, resume=True)
    assert whole.settings["steps_taken"] == 3
    assert (weights_of(whole) == weights_of(three_steps)).all()
    with pytest.raises(CheckpointError, match="another seed"):
        trained(painting, cat, checkpoint=path, resume=True, seed=8)
    with pytest.raises(CheckpointError, match="another style"):
        trained(cat, cat, checkpoint=path, resume=True)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CheckpointError, match="damaged"):
        trained(painting, cat, checkpoint=path, resume=True)
    with pytest.raises(MissingFileError):
        trained(painting, cat, checkpoint=tmp_path / "none", resume=True)


def test_fine_tuning_begins_with_the_weights_of_the_painter(three_steps, painting, cat):
    # The learning rate of the first step is 2e-5.
    tuned = trained(cat, cat, start=three_steps, steps=1)
    assert np.abs(weights_of(tuned) - weights_of(three_steps)).max() < 1e-4
    assert tuned.settings["start"]["style"] == three_steps.settings["style"]


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"steps": 1.5}, {"seed": -1}, {"style_weight": -1}])
def test_arguments_that_do_not_fit(painting, cat, wrong, one_sentence):
    with pytest.raises(ArgumentError) as error:
        trained(painting, cat, **wrong)
    one_sentence(error.value)


def test_no_photos_are_no_training(painting, one_sentence):
    with pytest.raises(ArgumentError) as error:
        train_painter(painting, [], steps=1, progress=False)
    one_sentence(error.value, "photo")


@pytest.mark.slow
def test_a_loss_that_is_not_finite_ends_the_training(painting, cat):
    with pytest.raises(RunError, match="not a finite number"):
        trained(painting, cat, style_weight=1e38)
