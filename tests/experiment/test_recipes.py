"""The recipes of the published benchmarks: the settings that the public files mean, and headers that hold."""

import re
from importlib.resources import files

import pytest

from davsn.core.errors import ConfigError
from davsn.data.labels.class_tables import taxonomy
from davsn.experiment.experiment import dump, load
from davsn.reference.configs import translate

THEIRS = {
    "da_vsn_viper": {
        "EXP_NAME": "davsn_viper2city",
        "SOURCE": "Viper",
        "DATA_DIRECTORY_SOURCE": "../../data/Viper",
        "DATA_LIST_SOURCE": "../dataset/Viper_list/train.txt",
        "NUM_CLASSES": 15,
        "TRAIN": {
            "DA_METHOD": "DAVSN",
            "flow_path_src": "../../data/Estimated_optical_flow_Viper_train",
            "INPUT_SIZE_SOURCE": [1280, 720],
        },
        "TEST": {"MODE": "video_best"},
    },
    "da_vsn_synthia": {
        "EXP_NAME": "davsn_syn2city",
        "SOURCE": "SynthiaSeq",
        "DATA_DIRECTORY_SOURCE": "../../data/SynthiaSeq/SEQS-04-DAWN",
        "DATA_LIST_SOURCE": "../dataset/SynthiaSeq_list/train.txt",
        "NUM_CLASSES": 12,
        "TRAIN": {
            "DA_METHOD": "DAVSN",
            "flow_path_src": "../../data/Estimated_optical_flow_SynthiaSeq_train",
            "SET_SOURCE": "train",
            "INPUT_SIZE_SOURCE": [1280, 640],
        },
        "TEST": {"MODE": "video_best"},
    },
}
"""What the public code's files of both pairs state; its other settings are its defaults."""
PARTS = ("source", "target", "validation.cityscapes")
PATHS = {f"{part}.{key}" for part in PARTS for key in ("root", "flow_root")}
PATHS |= {"network.weights", "start"}
"""Taken from the public code's ``scripts`` folder there, from the folder above its ``data`` here."""
SOURCE_ONLY = {"DA_METHOD": "SourceOnly", "EARLY_STOP": 40_000, "SAVE_PRED_EVERY": 1000}
THEIRS |= {
    name.replace("da_vsn", "source_only"): {**stated, "TRAIN": {**stated["TRAIN"], **SOURCE_ONLY}}
    for name, stated in THEIRS.items()
}
TPS = {"DA_METHOD": "TPS", "EARLY_STOP": 40_000, "SCALING_RATIO": [0.8, 1.2], "SAVE_PRED_EVERY": 100}
CMOM = {"DA_METHOD": "CMOM"}
OTHERS = {
    "tps_viper": {
        **TPS,
        "LEARNING_RATE": 0.0001,
        "LAMBDA_T": 0.1,
        "flow_path_src": "../../data/estimated_optical_flow_viper_train",
    },
    "tps_synthia": {**TPS, "LAMBDA_T": 1.0, "flow_path_src": "../../data/estimated_optical_flow_synthiaseq_train"},
    # CMOM's own files lead to their authors' disk, by folders of these names.
    "cmom_viper": {**CMOM, "flow_path_src": "../../data/estimated_optical_flow_viper_train"},
    "cmom_synthia": {
        **CMOM,
        "RESTORE_FROM": "../../pretrained_models/davsn_syn2city_pretrained.pth",
        "flow_path_src": "../../data/estimated_optical_flow_synthia_train",
        "pseudo_label_path": "../pseudo_label_syn2city",
    },
}
THEIRS |= {
    name: {**THEIRS[base := f"da_vsn_{name.partition('_')[2]}"], "TRAIN": {**THEIRS[base]["TRAIN"], **stated}}
    for name, stated in OTHERS.items()
}


def path_of(name):
    return files("davsn.recipes") / f"{name}.yaml"


def flat(values, prefix=""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@pytest.mark.parametrize("name", THEIRS)
def test_a_recipe_is_what_the_published_configuration_means(name):
    mapped, _ = translate(THEIRS[name], "theirs.yml")
    theirs = dict(flat(dump(load({**mapped, "name": name}, paths=False))))
    theirs |= {key: theirs[key].removeprefix("../../") for key in PATHS if theirs[key] is not None}
    ours = dict(flat(dump(load(path_of(name), paths=False))))
    # The public list holds every labelled frame (of VIPER, whose number ends in 0): what is used without a list.
    assert theirs.pop("source.frame_list") == THEIRS[name]["DATA_LIST_SOURCE"]
    assert ours.pop("source.frame_list") is None
    if name.startswith("source_only"):  # which never sees the target, so that nobody needs its files
        assert ours.pop("target") is None
        theirs = {key: value for key, value in theirs.items() if not key.startswith("target.")}
    assert ours == theirs


def test_the_modes_of_the_published_recipes():
    experiment = load(path_of("da_vsn_viper"), paths=False)
    assert (experiment.mode, experiment.video.propagation) == ("faithful", "splat")
    assert (experiment.optimiser.schedule, experiment.method.settings.softmax) == ("positional", "joint")
    corrected = load(path_of("da_vsn_viper"), ["mode=corrected"], paths=False)
    assert (corrected.video.propagation, corrected.optimiser.schedule) == ("warp", "named")


@pytest.mark.parametrize("name", THEIRS)
def test_the_papers_numbers_in_a_header_are_those_of_the_scored_classes(name):
    text = path_of(name).read_text(encoding="utf-8")
    comment = " ".join(line.strip("# ") for line in text.splitlines() if line.startswith("#"))
    paper = comment.partition("Paper's")[2]
    numbers, mean = re.match(r"\s*(.*); mIoU ([\d.]+)\.", paper).groups()
    stated = {entry.rpartition(" ")[0].strip(): float(entry.rpartition(" ")[2]) for entry in numbers.split(",")}
    table = taxonomy("synthia" if name.endswith("synthia") else "viper")
    assert list(stated) == [table.names[index] for index in table.scored]
    assert sum(stated.values()) / len(stated) == pytest.approx(float(mean), abs=0.06)
    assert "Ours not measured: needs the data and a GPU" in " ".join(comment.split())


@pytest.mark.parametrize("name", THEIRS)
def test_a_header_names_every_file_that_is_needed(name):
    text = path_of(name).read_text(encoding="utf-8")
    head = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    settings = dict(flat(dump(load(path_of(name), paths=False))))
    needed = [value for key, value in settings.items() if key.rpartition(".")[2] in ("root", "flow_root", "weights")]
    if name.startswith("cmom"):
        needed.append(settings["start"])
        needed.remove("random")
    assert len(needed) == (5 if name.startswith("source_only") else 7)
    assert all(path in head for path in needed)
    assert f"davsn train {name}\n" in head
    assert f"davsn eval runs/{name} --watch" in head
    assert f"--recipe {name}" in head
    assert f"training.keep={settings['training.steps'] // settings['training.save_every'] + 1}" in head


def test_everything_that_is_not_there_is_named_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as error:
        load(path_of("da_vsn_viper"))
    keys = [mistake.partition("  ")[0] for mistake in error.value.mistakes]
    assert sorted(keys) == sorted(PATHS - {"start"})
    without = [f"{part}.{key}" for part in PARTS for key in ("flow=dis", "flow_root=null")]
    with pytest.raises(ConfigError) as error:
        load(path_of("da_vsn_viper"), without)
    keys = [mistake.partition("  ")[0] for mistake in error.value.mistakes]
    assert sorted(keys) == ["network.weights", *(f"{part}.root" for part in PARTS)]
    assert not load(path_of("da_vsn_viper"), without, paths=False).target.settings.flow_root
