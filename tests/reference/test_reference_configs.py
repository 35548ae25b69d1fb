"""The public code's YAML files: every key has its place, and what cannot be run is refused by name."""

import difflib
import re

import pytest
import yaml

from davsn.core.errors import ConfigError
from davsn.core.plugins import find
from davsn.core.settings import validate
from davsn.experiment.experiment import VideoSettings, load
from davsn.learning.method import Method
from davsn.reference.configs import is_reference, translate
from davsn.reference.keys import METHODS, TABLE
from davsn.training.optimisation import OptimiserSettings
from davsn.training.settings import TrainingSettings

VIPER = """
EXP_NAME: davsn_viper2city
SOURCE: Viper
DATA_DIRECTORY_SOURCE: data/Viper
DATA_LIST_SOURCE: lists/{}.txt
DATA_LIST_TARGET: cities/{}.txt
NUM_CLASSES: 15
NUM_WORKERS: 2
TRAIN:
  DA_METHOD: DAVSN
  SET_SOURCE: train
  INPUT_SIZE_SOURCE: [1280, 720]
  flow_path_src: flow/viper
  LAMBDA_ADV_AUX: 0.0003
  lamda_u: 0.002
  EARLY_STOP: 40000
  INTERVAL: 1
TEST:
  MODE: video_best
  RESTORE_FROM: [davsn_viper2city_pretrained.pth]
"""


def recipe_of(text, **changes):
    return translate({**yaml.safe_load(text), **changes}, "theirs.yml")[0]


def test_a_file_of_theirs_becomes_a_recipe_of_ours():
    assert recipe_of(VIPER) == {
        "mode": "faithful",
        "name": "davsn_viper2city",
        "seed": 1234,
        "source": {
            "name": "viper",
            "root": "data/Viper",
            "frame_list": "lists/train.txt",
            "size": [1280, 720],
            "flow": "stored",
            "flow_root": "flow/viper",
        },
        "target": {
            "name": "cityscapes",
            "root": "../../data/Cityscapes",
            "classes": "viper",
            "split": "train",
            "frame_list": "cities/train.txt",
            "size": [1024, 512],
            "flow": "stored",
            "flow_root": "../../data/Estimated_optical_flow_Cityscapes-Seq_train",
        },
        "validation": {
            "cityscapes": {
                "name": "cityscapes",
                "root": "../../data/Cityscapes",
                "classes": "viper",
                "split": "val",
                "frame_list": "cities/val.txt",
                "size": [1024, 512],
                "flow": "stored",
                "flow_root": "../../data/Estimated_optical_flow_Cityscapes-Seq_val",
            }
        },
        "network": {
            "name": "deeplab",
            "weights": "../../pretrained_models/DeepLab_resnet_pretrained_imagenet.pth",
        },
        "method": {
            "name": "da_vsn",
            "main_weight": 1.0,
            "aux_weight": 0.1,
            "adversarial_weight": 0.002,
            "consistency_weight": 0.002,
            "aux_adversarial": pytest.approx(0.3),
            "spatial": 1.0,
            "discrepancy": 1.0,
        },
        "optimiser": {
            "learning_rate": 2.5e-4,
            "momentum": 0.9,
            "weight_decay": 5e-4,
            "power": 0.9,
            "horizon": 250_000,
            "discriminator_rate": 1e-4,
        },
        "training": {"steps": 40_001, "batch_size": 1, "save_every": 1000, "workers": 2},
    }


def test_source_only_of_synthia_from_a_snapshot():
    values = {
        "SOURCE": "SynthiaSeq",
        "NUM_CLASSES": 12,
        "TRAIN": {"DA_METHOD": "SourceOnly", "RESTORE_FROM": "model_40000.pth", "lamda_u": 0.5},
        "TEST": None,
    }
    recipe, lines = translate(values, "theirs.yml")
    assert recipe["name"] == "source_only_synthia"
    assert recipe["source"]["name"] == "synthia"
    assert recipe["target"]["classes"] == recipe["validation"]["cityscapes"]["classes"] == "synthia"
    assert recipe["method"] == {"name": "source_only", "main_weight": 1.0, "aux_weight": 0.1}
    assert recipe["start"] == "model_40000.pth"
    assert "weights" not in recipe["network"]
    assert "frame_list" not in recipe["source"]
    assert "TRAIN.lamda_u  not needed: source_only has no such setting" in lines
    assert "TRAIN.RESTORE_FROM → start = model_40000.pth" in lines


TPS = """
EXP_NAME: viper2city_TPS
SOURCE: Viper
DATA_LIST_SOURCE: lists/train.txt
NUM_CLASSES: 15
TRAIN:
  DA_METHOD: TPS
  LEARNING_RATE: 0.0001
  LAMBDA_T: 0.1
  EARLY_STOP: 40000
  SCALING_RATIO: [0.8, 1.2]
  SAVE_PRED_EVERY: 100
  THRESHOLD: 0.0
  lamda_u: 0.001
TEST:
  MODE: video_best
  SNAPSHOT_STEP: 100
"""


def test_a_file_of_tps():
    recipe, lines = translate(yaml.safe_load(TPS), "theirs.yml")
    weights = {"main_weight": 1.0, "aux_weight": 0.1, "target_weight": 0.1}
    assert recipe["method"] == {"name": "tps", **weights, "interval": 1, "scales": [0.8, 1.2]}
    assert "video" not in recipe  # what faithful sets for the method
    assert recipe["source"]["flow_root"] == "../../data/estimated_optical_flow_viper_train"
    assert recipe["target"]["flow"] == "stored"
    assert (recipe["training"]["steps"], recipe["training"]["save_every"]) == (40_001, 100)
    assert "TRAIN.LAMBDA_T → method.target_weight = 0.1" in lines
    assert not any(line.startswith("SOURCE  not needed") for line in lines)
    assert "TRAIN.THRESHOLD  not needed: the public code of TPS does not read it either" in lines
    assert "TRAIN.lamda_u  not needed: tps has no such setting" in lines
    experiment = load(recipe, paths=False)
    assert (experiment.method.settings.split, experiment.method.settings.augmented) == (512, "numbers")
    assert experiment.target.settings.flow_names == "replaced"


@pytest.mark.parametrize(
    ("source", "classes", "things"),
    [("Viper", 15, [4, 5, 9, 10, 11, 12, 13, 14]), ("SynthiaSeq", 12, [4, 5, 6, 9, 10, 11])],
)
def test_a_file_of_cmom_starts_from_da_vsn_and_knows_the_things_of_its_source(source, classes, things):
    train = {"DA_METHOD": "CMOM", "MIX": 0.5, "pseudo_label_path": "labels", "lamda_sa": 1.0}
    recipe, lines = translate({"SOURCE": source, "NUM_CLASSES": classes, "TRAIN": train}, "theirs.yml")
    weights = {"main_weight": 1.0, "aux_weight": 0.1, "share": 0.5, "alignment_weight": 0.01}
    assert recipe["method"] == {"name": "cmom", **weights, "things": things}
    assert recipe["start"] == "../../pretrained_models/davsn_viper2city_pretrained.pth"
    assert "weights" not in recipe["network"]
    assert recipe["optimiser"]["learning_rate"] == 5e-4
    assert (recipe["training"]["steps"], recipe["training"]["save_every"]) == (40_001, 1000)
    assert f"SOURCE → method.things = {things}" in lines
    assert "TRAIN.lamda_sa  not needed: cmom has no such setting" in lines
    assert any(line.startswith("TRAIN.pseudo_label_path  not needed: the network") for line in lines)
    experiment = load(recipe, paths=False)
    assert (experiment.video.propagation, experiment.training.clip) == ("splat", 1)
    assert experiment.method.settings.mixed_flow == "published"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (
            {"DA_METHOD": "AdvEnt", "LAMBDA_ADV_MAIN": 0.002, "LAMBDA_ADV_AUX": 0.0005},
            {"name": "advent", "adversarial_weight": 0.002, "aux_adversarial": 0.25},
        ),
        (
            {"DA_METHOD": "MinEnt", "LAMBDA_ENT_MAIN": 0.001, "LAMBDA_ENT_AUX": 0.0002},
            {"name": "minent", "entropy_weight": 0.001, "aux_entropy": pytest.approx(0.2)},
        ),
    ],
)
def test_a_file_of_advent_is_of_single_frames_and_without_flow(theirs, ours):
    train = {"MODEL": "DeepLabv2", "MULTI_LEVEL": True, "EARLY_STOP": 120_000, **theirs}
    test = {"MODE": "best", "MODEL": ["DeepLabv2"]}
    recipe, lines = translate({"SOURCE": "Viper", "TARGET": "Cityscapes", "TRAIN": train, "TEST": test}, "theirs.yml")
    assert recipe["method"] == {**ours, "main_weight": 1.0, "aux_weight": 0.1}
    assert recipe["video"] == {"propagation": "none"}
    assert (recipe["network"]["name"], recipe["target"]["name"]) == ("deeplab", "cityscapes")
    assert not any("flow" in key for part in ("source", "target") for key in recipe[part])
    assert not any("flow" in key for key in recipe["validation"]["cityscapes"])
    assert recipe["training"]["steps"] == 120_000 + (theirs["DA_METHOD"] == "AdvEnt")  # MinEnt's loop ends one before
    assert recipe["training"]["save_every"] == 2000
    assert "TRAIN.MODEL → video.propagation = none" in lines


def test_what_became_of_each_key_is_said_once():
    values = yaml.safe_load(VIPER)
    _, lines = translate(values, "theirs.yml")
    assert "SOURCE → source.name, target.classes, validation.cityscapes.classes = viper" in lines
    assert "TRAIN.EARLY_STOP → training.steps = 40001" in lines
    assert "TRAIN.LEARNING_RATE → optimiser.learning_rate = 0.00025  (the public default)" in lines
    assert "NUM_CLASSES  not needed: the classes are those of the source" in lines
    assert any(line.startswith("TEST.RESTORE_FROM  not needed: name the files on the command line") for line in lines)
    named = [re.split(r" → |  ", line)[0] for line in lines]
    given = {key for key in values if key not in ("TRAIN", "TEST")}
    given |= {f"{part}.{key}" for part in ("TRAIN", "TEST") for key in values[part]}
    assert given <= set(named)
    assert len(lines) == len(set(lines))


def test_every_mistake_comes_at_once():
    with pytest.raises(ConfigError) as error:
        translate(
            {
                "SOURCE": "GTA",
                "EXPNAME": "x",
                "TRAIN": {
                    "LEARNING_RAT": 1,
                    "MULTI_LEVEL": False,
                    "BATCH_SIZE_TARGET": 2,
                    "DA_METHOD": "PixMatch",
                    "EARLY_STOP": "many",
                    "LAMBDA_ADV_MAIN": 0.0,
                    "POWER": None,
                },
                "TEST": 3,
            },
            "theirs.yml",
        )
    assert error.value.where == "theirs.yml"
    assert set(error.value.mistakes) == {
        "EXPNAME  unknown key. Did you mean 'EXP_NAME'?",
        "TRAIN.LEARNING_RAT  unknown key. Did you mean 'TRAIN.LEARNING_RATE'?",
        "TEST  should hold 'key: value' lines",
        "SOURCE  'GTA' has no counterpart here yet (there are: Viper, SynthiaSeq)",
        "TRAIN.MULTI_LEVEL  only True is supported here, but got False",
        "TRAIN.BATCH_SIZE_TARGET  must equal TRAIN.BATCH_SIZE_SOURCE: both domains have the same batch size here",
        "TRAIN.DA_METHOD  'PixMatch' has no counterpart here yet "
        "(there are: DAVSN, SourceOnly, TPS, CMOM, AdvEnt, MinEnt)",
        "TRAIN.EARLY_STOP  should be a number, but got 'many'",
        "TRAIN.LAMBDA_ADV_AUX  is converted to a multiple of TRAIN.LAMBDA_ADV_MAIN, which must be above 0",
        "TRAIN.POWER  has no value",
    }
    with pytest.raises(ConfigError, match=r"NUM_CLASSES  SOURCE Viper has 15 classes, but got 12"):
        translate({"SOURCE": "Viper", "NUM_CLASSES": 12}, "theirs.yml")
    with pytest.raises(ConfigError, match=r"SOURCE  \['Viper'\] has no counterpart"):
        translate({"SOURCE": ["Viper"], "NUM_CLASSES": 15}, "theirs.yml")


def test_a_row_is_either_mapped_or_explained():
    for row in TABLE:
        assert bool(row.ours) != bool(row.because), row.theirs
        assert row.theirs.count(".") <= 1
    keys = [row.theirs for row in TABLE]
    near = [difflib.get_close_matches(key[:-1], keys, n=1) for key in keys]  # a missing letter leads back
    assert sum(found == [key] for found, key in zip(near, keys, strict=True)) > 0.9 * len(keys)


def test_our_side_of_the_table_exists():
    kinds = {
        "optimiser": OptimiserSettings,
        "training": TrainingSettings,
        "video": VideoSettings,
    }
    taken = {key for method in METHODS.values() for key in find(Method, method).Config.model_fields}
    for row in TABLE:
        for dotted in row.ours.split():
            part, _, key = dotted.partition(".")
            assert part != "method" or key == "name" or key in taken, dotted
            assert part not in kinds or key in kinds[part].model_fields, dotted
        assert set(row.of) <= set(METHODS)
    recipe = recipe_of(VIPER)
    assert validate(TrainingSettings, recipe["training"], "").steps == 40_001
    assert validate(OptimiserSettings, recipe["optimiser"], "").horizon == 250_000


@pytest.mark.parametrize(
    ("values", "theirs"),
    [({"TRAIN": {}}, True), ({"SOURCE": "Viper"}, True), ({"source": {}, "name": "x"}, False), ({}, False)],
)
def test_the_two_forms_are_told_apart(values, theirs):
    assert is_reference(values) is theirs
