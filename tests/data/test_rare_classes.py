"""Rare-class sampling: the odds by hand, draws that are a function of their number, counts that are remembered."""

import json
from itertools import islice

import numpy as np
import pytest
import torch

from davsn.core.clip import ClipSpec
from davsn.core.errors import ConfigError, DataError
from davsn.data.loading import training_batches
from davsn.data.rare_classes import ClassDraw, RareClasses, counted
from davsn.data.samples import Samples
from davsn.data.sets.streets import Config, Streets
from davsn.experiment.experiment import dump, load

COUNTS = np.array([[90, 10, 0, 0], [80, 0, 5, 15], [100, 0, 0, 0], [99, 1, 0, 0]])
"""Four labels of 100 pixels; three classes, and those without a class."""


@pytest.fixture(name="samples")
def _samples():
    config = Config(size=(48, 32), clips=2, length=4, domain="game", flow="exact")
    return Samples(Streets(config), ClipSpec(labels=True))


def names(batches, number):
    return [batch.names for batch in islice(batches, number)]


def test_the_odds_are_daformers():
    share = np.array([369, 11, 5]) / 385
    expected = np.exp((1 - share) / 0.3)
    draw = ClassDraw(COUNTS, RareClasses(temperature=0.3))
    np.testing.assert_allclose(draw.odds, expected / expected.sum())
    assert ClassDraw(COUNTS, RareClasses(temperature=0.001)).odds == pytest.approx([0, 0, 1], abs=1e-4)
    assert ClassDraw(COUNTS, RareClasses(temperature=1e6)).odds == pytest.approx([1 / 3] * 3, abs=1e-4)


def test_a_frame_is_drawn_that_holds_enough_of_the_class():
    draw = ClassDraw(COUNTS, RareClasses(temperature=1e6, min_pixels=5))
    generator = np.random.default_rng(0)
    found = np.bincount([draw(generator) for _ in range(6000)], minlength=4) / 6000
    # class 0: any of four; class 1: the first alone; class 2: the second alone
    np.testing.assert_allclose(found, [1 / 12 + 1 / 3, 1 / 12 + 1 / 3, 1 / 12, 1 / 12], atol=0.02)
    alone = ClassDraw(COUNTS, RareClasses(temperature=1e6, min_pixels=20))
    assert alone.odds.tolist() == [1, 0, 0]  # no frame holds enough of the others
    many = ClassDraw(COUNTS * 1000, RareClasses(temperature=1e6))
    assert {many(generator) for _ in range(200)} == {0, 1, 2, 3}  # 0.15 % of 100 000 is 150, and the last has 1000


def test_nothing_to_draw_is_said_in_words():
    with pytest.raises(DataError, match=r"has enough pixels of any class. Lower training.rare_classes.min_pixels"):
        ClassDraw(COUNTS, RareClasses(min_pixels=101))


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_batch_is_a_function_of_seed_and_number(samples, tmp_path, workers):
    draw = ClassDraw(counted(samples, tmp_path / "counts.json"), RareClasses(temperature=0.1))
    whole = list(islice(training_batches(samples, 2, seed=3, by_class=draw), 6))
    later = list(islice(training_batches(samples, 2, seed=3, by_class=draw, start=4, workers=workers), 2))
    for one, other in zip(whole[4:], later, strict=True):
        assert one.names == other.names
        assert torch.equal(one.labels, other.labels)
    assert names(training_batches(samples, 2, seed=4, by_class=draw), 6) != [batch.names for batch in whole]
    assert names(training_batches(samples, 2, seed=3), 6) != [batch.names for batch in whole]


def test_labels_are_counted_once_and_remembered(samples, tmp_path, monkeypatch):
    told, file = [], tmp_path / "run" / "counts.json"
    found = counted(samples, file, told.append)
    assert told == list(range(1, len(samples) + 1))
    classes = len(samples.dataset.taxonomy)
    for counts, (clip, position) in zip(found, samples.places, strict=True):
        label = samples.dataset.read_label(clip, position)
        assert counts.tolist() == [(label == number).sum() for number in range(classes)] + [(label == 255).sum()]
    monkeypatch.setattr(Streets, "read_label", lambda *_: pytest.fail("counted again"))
    assert np.array_equal(counted(samples, file), found)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: text.replace('"counts": [[', '"counts": [[1, '),
        lambda text: text.replace('"counts": [[', '"counts": [["a", '),
        lambda text: json.dumps({**json.loads(text), "samples": ["another"]}),
    ],
)
def test_what_is_damaged_or_of_other_samples_is_counted_anew(samples, tmp_path, spoil):
    file = tmp_path / "counts.json"
    found = counted(samples, file)
    file.write_text(spoil(file.read_text()))
    assert np.array_equal(counted(samples, file), found)
    assert np.array_equal(np.array(json.loads(file.read_text())["counts"]), found)


def test_a_label_that_cannot_be_read(samples, tmp_path, monkeypatch):
    read = Streets.read_label

    def broken(self, clip, position):
        if (clip, position) == samples.places[1]:
            raise DataError("cannot be read")
        return read(self, clip, position)

    monkeypatch.setattr(Streets, "read_label", broken)
    with pytest.raises(DataError, match="cannot be read"):
        counted(samples, tmp_path / "counts.json")
    config = samples.dataset.config.model_copy(update={"bad_files": "skip"})
    skipping = Samples(Streets(config), ClipSpec(labels=True))
    found = counted(skipping, tmp_path / "counts.json")
    assert found[1].sum() == 0
    assert found[0].sum() == 48 * 32
    draw = ClassDraw(found, RareClasses())
    assert 1 not in {draw(np.random.default_rng(number)) for number in range(100)}


def test_a_sample_that_cannot_be_read_is_replaced_by_another_draw(samples, tmp_path, monkeypatch):
    draw = ClassDraw(counted(samples, tmp_path / "counts.json"), RareClasses(temperature=1.0))
    config = samples.dataset.config.model_copy(update={"bad_files": "skip"})
    skipping = Samples(Streets(config), ClipSpec(labels=True))
    load_sample = Samples.load
    first = next(training_batches(skipping, 1, seed=0, by_class=draw)).names

    def broken(self, index, generator=None):
        sample = load_sample(self, index, generator)
        if (sample.name,) == first:
            raise DataError(f"{sample.name} is damaged")
        return sample

    monkeypatch.setattr(Samples, "load", broken)
    batch = next(training_batches(skipping, 1, seed=0, by_class=draw))
    assert batch.names != first
    assert batch.skipped
    again = next(training_batches(skipping, 1, seed=0, by_class=draw))
    assert (again.names, again.skipped) == (batch.names, batch.skipped)


def test_the_setting():
    recipe = {"source": "streets", "target": "streets", "network": "light", "method": "da_vsn"}
    experiment = load(recipe, ["training.rare_classes={}"], paths=False)
    assert experiment.training.rare_classes == RareClasses()
    assert load(dump(experiment), paths=False) == experiment
    with pytest.raises(ConfigError, match=r"training.rare_classes.temperature  input should be greater than 0"):
        load(recipe, ["training.rare_classes.temperature=0"], paths=False)
    with pytest.raises(
        ConfigError, match=r"training  batch_norm reads no source, so source samples cannot be drawn by class"
    ):
        load({**recipe, "method": "batch_norm", "start": "run"}, ["training.rare_classes={}"], paths=False)
