"""The public code's YAML stands where a recipe does."""

import pytest
import yaml

from davsn.experiment.trained import open_trained

THEIRS = {
    "EXP_NAME": "theirs",
    "SOURCE": "Viper",
    "TRAIN": {"DA_METHOD": "SourceOnly", "EARLY_STOP": 1, "LEARNING_RATE": 0.0001, "RESTORE_FROM": "model.pth"},
}
CHANGES = [  # the streets in place of the published sets
    "source={name: folder, root: game}",
    "target={name: folder, root: camera, labels: null}",
    "validation={camera: {name: folder, root: camera, missing: repeat}}",
    "network.layers=[1, 1, 1, 1]",
    "training.workers=0",
    "training.device=cpu",
    "start=null",
]


@pytest.mark.slow
def test_a_file_of_theirs_is_trained(davsn, world, tmp_path):
    (tmp_path / "theirs.yml").write_text(yaml.safe_dump(THEIRS))
    code, out, err = davsn(world, "train", tmp_path / "theirs.yml", *CHANGES, "-o", tmp_path / "run")
    assert code == 0, err
    assert out.count(f"{tmp_path / 'theirs.yml'} is a file of the public code:") == 1
    assert out.count("TRAIN.EARLY_STOP → training.steps = 2\n") == 1
    assert "TRAIN.MOMENTUM → optimiser.momentum = 0.9  (the public default)\n" in out
    trained = open_trained(tmp_path / "run")
    assert trained.step == 2
    experiment = trained.experiment
    assert (experiment.name, experiment.mode, experiment.seed) == ("theirs", "faithful", 1234)
    assert experiment.optimiser.learning_rate == 0.0001
    assert (experiment.optimiser.schedule, experiment.training.clip) == ("positional", None)  # of the faithful mode


def test_what_is_wrong_in_a_file_of_theirs(davsn, world, tmp_path):
    def told(**training):
        (tmp_path / "theirs.yml").write_text(yaml.safe_dump({**THEIRS, "TRAIN": training}))
        code, _, err = davsn(world, "check", tmp_path / "theirs.yml")
        assert code == 2
        return err

    assert "TRAIN.LEARNING_RAT  unknown key. Did you mean 'TRAIN.LEARNING_RATE'?" in told(LEARNING_RAT=1.0)
    assert "optimiser.learning_rate  input should be a valid number, but got 'fast'" in told(LEARNING_RATE="fast")


def test_several_networks_in_a_file_of_theirs_are_told_to_eval(davsn, world, tmp_path):
    models = {"MODEL": ["ACCEL_DeepLabv2"] * 2, "MODEL_WEIGHT": [2.0, 1.0], "RESTORE_FROM": ["one.pth", "two.pth"]}
    (tmp_path / "theirs.yml").write_text(yaml.safe_dump({**THEIRS, "TEST": models}))
    code, out, err = davsn(world, "eval", "one.pth", "--with", "two.pth", "--recipe", tmp_path / "theirs.yml")
    assert code == 2
    assert "one.pth: no such weights file" in err
    assert "TEST.MODEL_WEIGHT  not needed: name them for davsn eval --with: --weights" in out
    assert out.count("is a file of the public code:") == 1  # said once, though two files are opened with it
    (tmp_path / "theirs.yml").write_text(yaml.safe_dump({**THEIRS, "TEST": {"MODEL": ["DeepLabv3"]}}))
    code, _, err = davsn(world, "eval", "one.pth", "--recipe", tmp_path / "theirs.yml")
    assert code == 2
    assert "TEST.MODEL  only a list of ACCEL_DeepLabv2 or DeepLabv2 is supported here, but got ['DeepLabv3']" in err
