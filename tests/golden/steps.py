"""One recorded run of whole training steps: the method and the weights it was made with, and the numbers it gave.

The settings of a run come from inside its file, so that other recordings of the same form run in the same way.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from vectors import checksum, files, fill, flow, picture
from vectors import meta as described

from davsn.core.clip import Batch
from davsn.core.settings import override
from davsn.methods import tps
from davsn.methods.advent import Advent
from davsn.methods.da_vsn import DaVsn
from davsn.methods.minent import MinEnt
from davsn.methods.source_only import SourceOnly
from davsn.methods.tps import Draw, Tps
from davsn.networks.image.deeplab import DeepLab
from davsn.networks.video import VideoSegmenter
from davsn.networks.weights import published_state
from davsn.training.log import Record
from davsn.training.loop import Trainer, optimisation_of
from davsn.training.optimisation import OptimiserSettings
from davsn.training.settings import TrainingSettings

ROUNDING = 2.0**-21
"""How far a run is moved, relative to each weight and picture: four roundings of float32.

A convolution here sums up to 18,432 products, and in which order depends on the processor. That moves its result by one
to four roundings: runs moved so came as far apart as runs with oneDNN's SSE4.1, AVX and AVX2 kernels, without oneDNN,
with PyTorch's baseline kernels, and on one and two threads.
"""
TIE = 1e-5
"""Two probabilities closer than this may be either way round: scores carry errors of a few 1e-6 by then. In the
recordings of this project no two are (the closest are 2.4e-4 apart); one such pixel moved a loss by 2.7e-5."""

# The public code's names → ours.
JUDGES = {
    "d_aux": "aux",
    "d_main": "main",
    "d_sta_aux": "spatio_temporal/aux",
    "d_sta_main": "spatio_temporal/main",
    "d_sa_aux": "spatial/aux",
    "d_sa_main": "spatial/main",
}
LOSSES = {
    "loss_src": "segmentation/main",
    "loss_src_aux": "segmentation/aux",
    "loss_seg_src_main": "segmentation/main",
    "loss_seg_src_aux": "segmentation/aux",
    "loss_ent_main": "entropy/main",
    "loss_ent_aux": "entropy/aux",
    "loss_adv_trg_main": "fool/main",
    "loss_adv_trg_aux": "fool/aux",
    "loss_d_main": "judge/main/target",
    "loss_d_aux": "judge/aux/target",
    "loss_trg": "pseudo/main",
    "loss_trg_aux": "pseudo/aux",
    "loss_itcr": "consistency/main",
    "loss_itcr_aux": "consistency/aux",
    "loss_sta": "fool/spatio_temporal/main",
    "loss_sta_aux": "fool/spatio_temporal/aux",
    "loss_sa": "fool/spatial/main",
    "loss_sa_aux": "fool/spatial/aux",
    "loss_d_sta": "judge/spatio_temporal/main/target",
    "loss_d_sta_aux": "judge/spatio_temporal/aux/target",
    "loss_d_sa": "judge/spatial/main/target",
    "loss_d_sa_aux": "judge/spatial/aux/target",
    "loss_wd": "discrepancy/main",
    "loss_wd_aux": "discrepancy/aux",
}
RECORDED = {"DAVSN": DaVsn, "SourceOnly": SourceOnly, "AdvEnt": Advent, "MinEnt": MinEnt, "TPS": Tps}


def weights_of(method, cfg):
    """The method's own settings as a recording has them."""
    weights = {"main_weight": cfg["LAMBDA_SEG_MAIN"], "aux_weight": cfg["LAMBDA_SEG_AUX"]}
    if method is DaVsn:
        weights |= {"adversarial_weight": cfg["lamda_u"], "consistency_weight": cfg["lamda_u"]}
        weights |= {"spatial": cfg["lamda_sa"], "discrepancy": cfg["lamda_wd"]}
    if method is Advent:
        weights |= {"adversarial_weight": cfg["LAMBDA_ADV_MAIN"]}
    if method in (DaVsn, Advent):
        weights |= {"aux_adversarial": cfg["LAMBDA_ADV_AUX"] / cfg["LAMBDA_ADV_MAIN"]}
    if method is MinEnt:
        main, aux = cfg["LAMBDA_ENT_MAIN"], cfg["LAMBDA_ENT_AUX"]
        weights |= {"entropy_weight": main, "aux_entropy": aux / main}
    if method is Tps:
        weights |= {"target_weight": cfg["LAMBDA_T"]}
    return weights


def trainer_of(meta, device="cpu"):
    """The method in faithful mode, with the recording's own settings."""
    method, cfg = RECORDED[meta["method"]], meta["cfg"]
    preset = override({}, [f"{key}={json.dumps(value)}" for key, value in method.faithful.items()])
    image = DeepLab(DeepLab.Config(layers=tuple(meta["layers"])), meta["num_classes"])
    own = {**preset.get("method", {}), **weights_of(method, cfg)}
    if method is Tps:
        own |= {"interval": meta["interval"], "split": None if meta["any_height"] else own["split"]}
    config = method.Config(**own)
    made = method(config, VideoSegmenter(image, **preset["video"]))
    rates = {
        "learning_rate": cfg["LEARNING_RATE"],
        "momentum": cfg["MOMENTUM"],
        "weight_decay": cfg["WEIGHT_DECAY"],
        "power": cfg["POWER"],
        "horizon": cfg["MAX_ITERS"],
        "discriminator_rate": cfg.get("LEARNING_RATE_D", 1e-4),
        **preset["optimiser"],
    }
    if meta["optim"] == "torch12":
        rates["repeats"] = "torch12"
    training = TrainingSettings(steps=meta["steps"], **preset.get("training", {}))
    optimisation = optimisation_of(made, OptimiserSettings(**rates), training)
    return Trainer(made, optimisation, training, torch.device(device))


def public_state(trainer):
    """All tensors under the public code's names; references, so that writing to them fills the network."""
    state = published_state(trainer.parts["segmenter"])
    for public, ours in JUDGES.items():
        if ours in trainer.parts:
            state |= {f"{public}/{name}": value for name, value in trainer.parts[ours].state_dict().items()}
    return state


def fill_parts(trainer, seed):
    filled = fill({name: tuple(t.shape) for name, t in published_state(trainer.parts["segmenter"]).items()}, seed)
    for public, ours in JUDGES.items():
        if ours in trainer.parts:
            shapes = {name: tuple(t.shape) for name, t in trainer.parts[ours].state_dict().items()}
            filled |= {f"{public}/{name}": value for name, value in fill(shapes, seed, disc=public).items()}
    state = public_state(trainer)
    assert state.keys() == filled.keys()
    for name, value in filled.items():
        state[name].copy_(torch.as_tensor(value))


@lru_cache(maxsize=2)  # a whole recording and its first step alone
def _filled_once(meta, device):
    trainer = trainer_of(json.loads(meta), device)
    fill_parts(trainer, json.loads(meta)["seed"])
    return trainer


def filled(meta, device="cpu"):
    """A trainer with the weights of a recording, by its ``meta``; a copy: drawing them takes as long as a step."""
    return deepcopy(_filled_once(meta, device))


def batch(vectors, prefix, labelled):
    frames, flows = {0: picture(vectors[f"{prefix}_cf"])}, {}
    if f"{prefix}_kf" in vectors:  # or the network is one of single frames
        frames[-1] = picture(vectors[f"{prefix}_kf"])
        flows[0, -1] = flow(vectors[f"{prefix}_flow"])
    labels = torch.from_numpy(vectors[f"{prefix}_label"].astype(np.int64))[None] if labelled else None
    return Batch(frames, flows, labels=labels, names=(prefix,))


def four_frames(vectors, prefix, interval):
    """A target batch of TPS: the current pair d, c and the earlier one b, a."""
    offsets = {"d": 0, "c": -1, "b": -interval, "a": -interval - 1}
    frames = {offset: picture(vectors[f"{prefix}_{letter}"]) for letter, offset in offsets.items()}
    flows = {(offsets[p], offsets[q]): flow(vectors[f"{prefix}_flow_{p}{q}"]) for p, q in ("dc", "db", "ba")}
    return Batch(frames, flows, names=(prefix,))


def recorded_draw(vectors, step, plain, height):
    """TPS's draw of a step, in which the strong augmentation has the recorded result."""
    host = torch.from_numpy(vectors[f"s{step}_strong_u8"])[None].float() / 255

    def augmentation(stack):
        recorded = host.to(stack.device)
        if plain:  # it drew no change: what came in is known too, bit for bit
            assert torch.equal((stack * 255).round(), (recorded * 255).round())
        return recorded

    return Draw(bool(vectors[f"s{step}_flip"]), float(vectors[f"s{step}_scale"]), augmentation)


Vectors = dict[str, NDArray[Any]]
"""All arrays of a recording."""
Numbers = dict[str, NDArray[np.float64]]
"""What a run is compared by, each a name and an array: losses, rates and norms, and the tensors after the last step."""
TABLES = {"loss": "losses", "rate": "lrs", "norm": "grad_norms"}
"""Numbers with a row for each step → their keys in a recording."""


def recordings() -> list[Path]:
    """The files of all recorded runs."""
    return [*files("c_davsn_*.npz"), *files("d_*step.npz")]


def recorded(vectors: Vectors) -> Numbers:
    """The numbers that a recording holds."""
    numbers = {name: vectors[key] for name, key in TABLES.items() if key in vectors}
    if "ck" in vectors:
        numbers |= {"l2": vectors["ck"][:, 1], "dot": vectors["ck"][:, 2], "batches": vectors["num_batches_tracked"]}
    return numbers | {key: array for key, array in vectors.items() if key.startswith("w/")}


def first_step(vectors: Vectors) -> Vectors:
    """A recording of the first step alone, which is all that the losses and gradient norms of it need."""
    kept = {key: array for key, array in vectors.items() if key != "ck" and not key.startswith("w/")}
    tables = {key: vectors[key][:1] for key in TABLES.values() if key in vectors}
    return {**kept, **tables, "meta": np.array(json.dumps({**described(vectors), "steps": 1}))}


def run(vectors: Vectors, rounding: int | None = None, device: str = "cpu") -> Numbers:
    """The numbers of our own run of a recording.

    Args:
        vectors: of the recording.
        rounding: a seed; see :func:`moved_by_rounding`. None runs exactly what was recorded.
        device: where to run.
    """
    meta = described(vectors)
    trainer = filled(str(vectors["meta"]), device)
    with nullcontext() if rounding is None else moved_by_rounding(trainer, rounding):
        records = [trainer.step(*batches(vectors, meta, trainer, step)) for step in range(meta["steps"])]
    return {**tables(vectors, records), **(tensors(vectors, trainer) if "ck" in vectors else {})}


def batches(vectors, meta, trainer, step):
    """Source and target of a step; what TPS draws in it is put in place too."""
    target = None
    if meta["method"] == "TPS":
        target = four_frames(vectors, f"s{step}_trg", meta["interval"])
        trainer.method.draw = partial(recorded_draw, vectors, step, meta["plain_aug"])
    elif trainer.method.target:
        target = batch(vectors, f"s{step}_trg", False)
    return batch(vectors, f"s{step}_src", True), target


def tables(vectors: Vectors, records: list[Record]) -> Numbers:
    """The numbers that have a row for each step, in the recording's order."""
    losses = [LOSSES[str(name)] for name in vectors["loss_names"]]
    roles = ["segmenter/backbone", "segmenter/fusion", "segmenter/classifier"]
    columns = {"loss": losses, "rate": [*roles, *JUDGES.values()], "norm": ["segmenter", *JUDGES.values()]}
    return {
        kind: np.array([[float(one[f"{kind}/{name}"]) for name in names if f"{kind}/{name}" in one] for one in records])
        for kind, names in columns.items()
    }


def tensors(vectors: Vectors, trainer: Trainer) -> Numbers:
    """The numbers of the tensors after the last step."""
    state = {name: tensor.cpu().numpy() for name, tensor in public_state(trainer).items()}
    names = [str(name) for name in vectors["ck_names"]]
    assert set(names) == {name for name in state if not name.endswith("num_batches_tracked")}
    sums = np.array([checksum(name, state[name]) for name in names])
    numbers = {"l2": sums[:, 1], "dot": sums[:, 2], "batches": state["bn1.num_batches_tracked"]}
    elements = {key: state[key.removeprefix("w/")].reshape(-1)[:512] for key in vectors if key.startswith("w/")}
    return {**numbers, **elements}


@contextmanager
def moved_by_rounding(trainer: Trainer, seed: int) -> Iterator[None]:
    """A run that float32 cannot tell from the recorded one: what it gives otherwise, a rounding decides.

    Every weight, and every picture that enters the network, moves by :data:`ROUNDING`; a pseudo-label of TPS whose
    two best classes are within :data:`TIE` becomes the other one.

    Args:
        trainer: filled; its weights are changed.
        seed: of the moves.
    """
    generator = torch.Generator().manual_seed(seed)

    def moved(tensor: Tensor) -> Tensor:
        return tensor * (1 + ROUNDING * torch.randn(tensor.shape, generator=generator))

    for part in trainer.parts.values():
        for parameter in part.parameters():
            parameter.data = moved(parameter.data)
    true, image = tps.warp, trainer.parts["segmenter"].image
    with (
        image.register_forward_pre_hook(lambda _, given: (moved(given[0]),)),
        mock.patch.object(tps, "warp", lambda maps, flow: (with_ties_swapped(true(maps, flow)[0]), None)),
    ):
        yield


def with_ties_swapped(maps: Tensor) -> Tensor:
    """Score maps (B, C, h, w) whose best class is the second best wherever the two are within :data:`TIE`."""
    values, classes = maps.topk(2, 1)
    tied = values[:, :1] - values[:, 1:] < TIE
    return maps.scatter_add(1, classes[:, 1:], tied.to(maps.dtype))
