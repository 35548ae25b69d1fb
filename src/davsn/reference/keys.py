"""Table of the keys of the public code's YAML files (DA-VSN, TPS, CMOM, ADVENT): one line for each translation."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from davsn.networks.weights import IMAGENET_NAME

Stated = Mapping[str, Any]
"""Every key of the table by its dotted name, with the value of the file or else the public default."""


class Row(NamedTuple):
    """Translation of one key.

    Attributes:
        theirs: the key in the public code, dotted.
        ours: the keys of a recipe that get its value, dotted, separated by spaces; empty if it is not needed.
        default: the value that the public code uses if a file does not state the key.
        read: converts the value for a recipe; None leaves it out, and a ValueError reports a mistake in the file.
        because: why the key is not needed.
        of: the methods of the public code for which ``ours`` holds; empty for all.
    """

    theirs: str
    ours: str = ""
    default: Any = None
    read: Callable[[Any, Stated], Any] = lambda value, stated: value
    because: str = ""
    of: tuple[str, ...] = ()


def _named(names: Mapping[str, str]) -> Callable[[Any, Stated], str]:
    def read(value: Any, stated: Stated) -> str:
        if str(value) not in names:
            raise ValueError(f"{value!r} has no counterpart here yet (there are: {', '.join(names)})")
        return names[str(value)]

    return read


def _only(*wanted: Any) -> Callable[[Any, Stated], None]:
    def read(value: Any, stated: Stated) -> None:
        if value not in wanted:
            raise ValueError(f"only {' or '.join(map(str, wanted))} is supported here, but got {value!r}")

    return read


def _each(*wanted: str) -> Callable[[Any, Stated], None]:
    def read(value: Any, stated: Stated) -> None:
        if not isinstance(value, list) or len(set(map(str, value))) != 1 or value[0] not in wanted:
            raise ValueError(f"only a list of {' or '.join(wanted)} is supported here, but got {value!r}")

    return read


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"should be a number, but got {value!r}")
    return value


def _list_of(which: str) -> Callable[[Any, Stated], str]:
    return lambda value, stated: str(value).replace("{}", str(stated[which]))


def _share_of(main: str) -> Callable[[Any, Stated], float]:
    def read(value: Any, stated: Stated) -> float:
        whole = _number(stated[main])
        if whole <= 0:
            raise ValueError(f"is converted to a multiple of {main}, which must be above 0")
        return _number(value) / whole

    return read


def _classes(value: Any, stated: Stated) -> None:
    wanted = {"Viper": 15, "SynthiaSeq": 12}.get(str(stated["SOURCE"]), value)
    if value != wanted:
        raise ValueError(f"SOURCE {stated['SOURCE']} has {wanted} classes, but got {value!r}")


def _same_batch(value: Any, stated: Stated) -> None:
    if value != stated["TRAIN.BATCH_SIZE_SOURCE"]:
        raise ValueError("must equal TRAIN.BATCH_SIZE_SOURCE: both domains have the same batch size here")


def _steps(value: Any, stated: Stated) -> float:
    """Convert the last step to a number of steps: all public loops but MinEnt's include the last step."""
    return _number(value) + (0 if stated["TRAIN.DA_METHOD"] == "MinEnt" else 1)


METHODS = {
    "DAVSN": "da_vsn",
    "SourceOnly": "source_only",
    "TPS": "tps",
    "CMOM": "cmom",
    "AdvEnt": "advent",
    "MinEnt": "minent",
}
VIDEO = ("DAVSN", "SourceOnly", "TPS", "CMOM")  # their networks read two frames, with flow from files
_NETWORKS = {"ACCEL_DeepLabv2": "deeplab", "DeepLabv2": "deeplab"}
_SOURCES = {"Viper": "viper", "SynthiaSeq": "synthia"}
_THINGS = {"Viper": [4, 5, 9, 10, 11, 12, 13, 14], "SynthiaSeq": [4, 5, 6, 9, 10, 11]}
"""Train ids that CMOM's code aligns object by object; it identifies the source by its number of classes."""
_TARGETS = {"CityscapesSeq": "cityscapes", "Cityscapes": "cityscapes"}
_PAIR = "../../data/Estimated_optical_flow_"
OWN_DEFAULTS: Mapping[str, Stated] = {
    "TPS": {
        "TRAIN.SAVE_PRED_EVERY": 100,
        "TRAIN.flow_path_src": "../../data/estimated_optical_flow_viper_train",
        "TRAIN.flow_path": "../../data/estimated_optical_flow_cityscapes_seq_train",
        "TEST.flow_path": "../../data/estimated_optical_flow_cityscapes_seq_val",
    },
    "CMOM": {
        "TRAIN.RESTORE_FROM": "../../pretrained_models/davsn_viper2city_pretrained.pth",
        "TRAIN.LEARNING_RATE": 5e-4,
        "TRAIN.EARLY_STOP": 40_000,
        # The names of the folders; CMOM's own defaults are paths on its authors' disk.
        "TRAIN.flow_path": "../../data/estimated_optical_flow_cityscapes_train",
        "TEST.flow_path": "../../data/estimated_optical_flow_cityscapes_val",
    },
    "AdvEnt": {"TRAIN.SAVE_PRED_EVERY": 2000},
    "MinEnt": {"TRAIN.SAVE_PRED_EVERY": 2000},
}
"""Defaults of a method's repository that differ from those of DA-VSN's."""
_FOLDER = "the run's folder holds it: --out"
_SWEEP = "davsn eval RUN --every scores every checkpoint that training.keep keeps"
_UNREAD = "the public code of TPS does not read it either"

TABLE = (
    Row("EXP_NAME", "name", read=lambda value, stated: value or None),
    Row("EXP_ROOT", because=_FOLDER),
    Row("EXP_ROOT_SNAPSHOT", because=_FOLDER),
    Row("EXP_ROOT_LOGS", because=_FOLDER),
    Row("TENSORBOARD_DIR", because=_FOLDER),
    Row("GPU_ID", because="training.device chooses; auto is the first GPU in CUDA_VISIBLE_DEVICES"),
    Row("NUM_WORKERS", "training.workers", 4),
    # Data
    Row("SOURCE", "source.name target.classes validation.cityscapes.classes", "Viper", _named(_SOURCES)),
    Row("TARGET", "target.name validation.cityscapes.name", "CityscapesSeq", _named(_TARGETS)),
    Row("NUM_CLASSES", read=_classes, because="the classes are those of the source"),
    Row("DATA_DIRECTORY_SOURCE", "source.root", "../../data/Viper"),
    Row("DATA_DIRECTORY_TARGET", "target.root validation.cityscapes.root", "../../data/Cityscapes"),
    Row("DATA_LIST_SOURCE", "source.frame_list", read=_list_of("TRAIN.SET_SOURCE")),
    Row("DATA_LIST_TARGET", "target.frame_list", read=_list_of("TRAIN.SET_TARGET")),
    Row("DATA_LIST_TARGET", "validation.cityscapes.frame_list", read=_list_of("TEST.SET_TARGET")),
    Row("TRAIN.SET_SOURCE", default="all", because="it only fills the {} in DATA_LIST_SOURCE"),
    Row("TRAIN.SET_TARGET", "target.split", "train"),
    Row("TRAIN.INPUT_SIZE_SOURCE", "source.size", [1280, 720]),
    Row("TRAIN.INPUT_SIZE_TARGET", "target.size", [1024, 512]),
    Row("TRAIN.flow_path_src", "source.flow_root", f"{_PAIR}Viper_train", of=VIDEO),
    Row("TRAIN.flow_path", "target.flow_root", f"{_PAIR}Cityscapes-Seq_train", of=VIDEO),
    Row("TRAIN.INFO_SOURCE", because="the class tables come with the data sets"),
    Row("TRAIN.INFO_TARGET", because="the class tables come with the data sets"),
    Row("TRAIN.IGNORE_LABEL", read=_only(255), because="it is always 255"),
    Row("TRAIN.IMG_MEAN", because="the network takes the same mean off itself"),
    # Network and optimiser
    Row("TRAIN.MODEL", "network.name", "ACCEL_DeepLabv2", _named(_NETWORKS)),
    Row("TRAIN.MODEL", "video.propagation", read=lambda value, stated: "none" if value == "DeepLabv2" else None),
    Row("TRAIN.MULTI_LEVEL", read=_only(True), because="the network always has both classifiers"),
    Row(
        "TRAIN.RESTORE_FROM",
        "network.weights",
        f"../../pretrained_models/{IMAGENET_NAME}.pth",
        lambda value, stated: value if IMAGENET_NAME in str(value) else None,
    ),
    Row("TRAIN.RESTORE_FROM", "start", read=lambda value, stated: None if IMAGENET_NAME in str(value) else value),
    Row("TRAIN.LEARNING_RATE", "optimiser.learning_rate", 2.5e-4),
    Row("TRAIN.MOMENTUM", "optimiser.momentum", 0.9),
    Row("TRAIN.WEIGHT_DECAY", "optimiser.weight_decay", 5e-4),
    Row("TRAIN.POWER", "optimiser.power", 0.9),
    Row("TRAIN.MAX_ITERS", "optimiser.horizon", 250_000),
    Row("TRAIN.LEARNING_RATE_D", "optimiser.discriminator_rate", 1e-4),
    # Method
    Row("TRAIN.DA_METHOD", "method.name", "DAVSN", _named(METHODS)),
    Row("TRAIN.LAMBDA_SEG_MAIN", "method.main_weight", 1.0),
    Row("TRAIN.LAMBDA_SEG_AUX", "method.aux_weight", 0.1),
    Row("TRAIN.LAMBDA_ADV_MAIN", "method.adversarial_weight", 0.001, of=("AdvEnt",)),
    Row("TRAIN.LAMBDA_ADV_AUX", "method.aux_adversarial", 0.0002, _share_of("TRAIN.LAMBDA_ADV_MAIN")),
    Row("TRAIN.lamda_u", "method.adversarial_weight method.consistency_weight", 0.001, of=("DAVSN",)),
    Row("TRAIN.lamda_sa", "method.spatial", 1.0),
    Row("TRAIN.lamda_wd", "method.discrepancy", 1.0),
    Row("TRAIN.LAMBDA_ENT_MAIN", "method.entropy_weight", 0.001),
    Row("TRAIN.LAMBDA_ENT_AUX", "method.aux_entropy", 0.0002, _share_of("TRAIN.LAMBDA_ENT_MAIN")),
    Row("TRAIN.LAMBDA_T", "method.target_weight"),
    Row("TRAIN.INTERVAL", "method.interval", 1),
    Row("TRAIN.MIX", "method.share", 0.75),
    Row("TRAIN.lamda_FA", "method.alignment_weight", 0.01),
    Row("SOURCE", "method.things", read=lambda value, stated: _THINGS.get(str(value))),
    Row(
        "TRAIN.pseudo_label_path",
        because="the network that training starts from predicts the pseudo-labels during training",
    ),
    Row("TRAIN.THRESHOLD", because=_UNREAD),
    Row("TRAIN.SCALING_RATIO", "method.scales", [0.7, 1.3]),
    Row("TRAIN.EMA_DECAY", because=_UNREAD),
    Row("TRAIN.WARM_UP", because=_UNREAD),
    Row("TRAIN.BRKPT", because="a run that was stopped is resumed from its last checkpoint"),
    # The loop
    Row("TRAIN.EARLY_STOP", "training.steps", 120_000, _steps),
    Row("TRAIN.BATCH_SIZE_SOURCE", "training.batch_size", 1),
    Row("TRAIN.BATCH_SIZE_TARGET", default=1, read=_same_batch, because="training.batch_size is that of both domains"),
    Row("TRAIN.SAVE_PRED_EVERY", "training.save_every", 1000),
    Row("TRAIN.RANDOM_SEED", "seed", 1234),
    Row("TRAIN.SNAPSHOT_DIR", because=_FOLDER),
    Row("TRAIN.TENSORBOARD_LOGDIR", "training.tensorboard", read=lambda value, stated: bool(value)),
    Row("TRAIN.TENSORBOARD_VIZRATE", because="no images are written to TensorBoard; davsn predict draws them"),
    # Evaluation
    Row("TEST.SET_TARGET", "validation.cityscapes.split", "val"),
    Row("TEST.INPUT_SIZE_TARGET", "validation.cityscapes.size", [1024, 512]),
    Row("TEST.flow_path", "validation.cityscapes.flow_root", f"{_PAIR}Cityscapes-Seq_val", of=VIDEO),
    Row(
        "TEST.RESTORE_FROM",
        because="name the files on the command line: davsn eval MODEL.pth [--with MODEL.pth] --recipe THIS_FILE",
    ),
    Row("TEST.MODE", because="'single' and 'video_single' are davsn eval, 'best' and 'video_best' davsn eval --every"),
    Row("TEST.WAIT_MODEL", because="davsn eval --watch waits"),
    Row("TEST.SNAPSHOT_DIR", because=_SWEEP),
    Row("TEST.SNAPSHOT_STEP", because=_SWEEP),
    Row("TEST.SNAPSHOT_START_ITER", because=_SWEEP),
    Row("TEST.SNAPSHOT_MAXITER", because=_SWEEP),
    Row("TEST.MODEL", read=_each(*_NETWORKS), because="the network of the recipe is used for every file"),
    Row(
        "TEST.MODEL_WEIGHT",
        because="name them for davsn eval --with: --weights (and --first-only, to do what the public code does)",
    ),
    Row("TEST.MULTI_LEVEL", because="the main classifier is scored"),
    Row("TEST.IMG_MEAN", because="the network takes the same mean off itself"),
    Row("TEST.BATCH_SIZE_TARGET", because="scores do not depend on it"),
    Row("TEST.OUTPUT_SIZE_TARGET", because="scores are computed at the size of each label map"),
    Row("TEST.INFO_TARGET", because="the class tables come with the data sets"),
    Row("TEST.INTERVAL", because="every frame is scored with the previous frame"),
    Row("TEST.demo_dir", because="name the output for davsn predict: --out"),
)
