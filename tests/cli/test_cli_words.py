"""A word key=value is a setting wherever it stands; a short key is answered with the full keys that it fits."""

import pytest

from davsn.cli import build
from davsn.cli.words import settings_last


@pytest.mark.parametrize(
    ("words", "moved"),
    [
        ("adapt --source g --target a.mp4 training.steps=20 -o x", "adapt --source g --target a.mp4 -o x"),
        ("adapt --source g training.steps=20 --target a.mp4 b.mp4", "adapt --source g --target a.mp4 b.mp4"),
        ("adapt training.steps=20 --target a.mp4 --source g", "adapt --target a.mp4 --source g"),
        ("train training.steps=20 my.yaml --no-score", "train my.yaml --no-score"),
        ("flow frames --offsets -1 -2 training.steps=20 --both", "flow frames --offsets -1 -2 --both"),
        ("eval one.pth --weights 2 1 training.steps=20", "eval one.pth --weights 2 1"),
        ("sweep a --option timeout_min=6 training.steps=20 --jobs 2", "sweep a --option timeout_min=6 --jobs 2"),
    ],
)
def test_a_setting_is_moved_behind_the_options(words, moved):
    assert settings_last(build(None), words.split()) == [*moved.split(), "--", "training.steps=20"]


@pytest.mark.parametrize(
    "words",
    [
        "train my.yaml",
        "adapt --help training.steps=20",
        "train my.yaml -- training.steps=20",
        "predict run a=b.mp4 -o out=1",
        "adapt --source ./a=b --target ./c=d.mp4 -o e=f",
        "nope a=b",
    ],
)
def test_other_words_stay(words):
    assert settings_last(build(None), words.split()) == words.split()


def test_a_path_that_exists_stays_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["adapt", "--source", "g", "--target", "drive=1.mp4", "mirror=1"]
    assert settings_last(build(None), words) == ["adapt", "--source", "g", "--target", "--", "drive=1.mp4", "mirror=1"]
    (tmp_path / "drive=1.mp4").touch()
    assert settings_last(build(None), words) == ["adapt", "--source", "g", "--target", "drive=1.mp4", "--", "mirror=1"]
    (tmp_path / "mirror=1").touch()
    assert settings_last(build(None), words) == words


def test_a_setting_after_the_target_is_a_setting(davsn, world):
    words = ["adapt", "--source", "game", "--target", "drive.mp4", "training.stepz=2", "-o", "new"]
    code, _, err = davsn(world, *words)
    assert code == 2
    assert err.startswith("davsn adapt has a mistake:\n  training.stepz  unknown key. Did you mean 'steps'?")


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("size=[64,32]", "source.size and target.size"),
        ("stride=2", "source.stride and target.stride"),
        ("steps=2", "training.steps"),
        ("batch_size=2", "training.batch_size"),
        ("device=cpu", "training.device"),
        ("epochs=2", "training.steps"),
        ("lr=0.1", "optimiser.learning_rate"),
        ("encoder=resnet18", "network.encoder"),
        ("main_weight=1", "method.main_weight"),
        ("propagation=none", "video.propagation"),
        ("target.steps=2", "training.steps"),
        ("training.stride=2", "source.stride and target.stride"),
        ("batch_sise=2", "training.batch_size"),
    ],
)
def test_a_short_key_is_answered_with_the_full_ones(davsn, world, short, full):
    code, _, err = davsn(world, "adapt", "--source", "game", "--target", "drive.mp4", short, "-o", "new")
    assert code == 2
    key = short.partition("=")[0]
    assert err == f"davsn adapt has a mistake:\n  {key}  unknown key. Did you mean {full}?\n"


def test_a_short_key_fits_validation_sets_too(davsn, world):
    code, _, err = davsn(world, "train", "tiny.yaml", "stride=2")
    assert code == 2
    assert "stride  unknown key. Did you mean source.stride, target.stride and validation.camera.stride?" in err
