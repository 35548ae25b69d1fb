"""``davsn flow``: flow ahead of its use, and what can be done with flow files."""

import os
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
from cyclopts import App, Parameter

from davsn.cli.train import chosen_flow, load_recipe
from davsn.core.clip import PAIR, ClipSpec
from davsn.core.console import progress, say
from davsn.core.errors import ConfigError, DataError
from davsn.core.plugins import Choice, choose
from davsn.core.settings import override
from davsn.data.dataset import DatasetSettings, VideoDataset
from davsn.data.footage import holds_videos
from davsn.data.precompute import Cached, Files, Keeper, count_pairs, fill, shard
from davsn.data.samples import Samples, target_training
from davsn.experiment.building import build_dataset, device_of
from davsn.experiment.experiment import asked, clips_of
from davsn.flow.setting import FlowSetting

flow_ = App(name="flow", result_action="return_value")
flow_.command("davsn.cli.flow_convert:convert_", name="convert")
flow_.command("davsn.cli.flow_show:show_", name="show")
flow_.command("davsn.cli.flow_measure:measure_", name="measure")
Domains = dict[str, tuple[Choice, ClipSpec]]
"""Data sets by their keys in the recipe, and what is wanted of their samples."""


@flow_.default
def compute_(  # noqa: PLR0913 - a parameter for each option
    data: str,
    *changes: str,
    estimator: str | None = None,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
    offsets: Annotated[list[int] | None, Parameter(consume_multiple=True, negative="")] = None,
    both: Annotated[bool, Parameter(negative="")] = False,
    shard_: Annotated[str | None, Parameter(name="--shard")] = None,
    batch_size: int = 1,
    device: str = "auto",
) -> None:
    """Compute the flow of a data set, or of a recipe's source and target, before it is used.

    It goes into the cache, which 'flow: dis, cached' reads; with --out, into files for 'flow: stored', to which what a
    cached estimator has kept is copied. What is there already is not computed again, so the same command goes on where
    it was stopped. Processes that torchrun starts share the work.

    Try:

        davsn flow my_recipe.yaml --estimator raft_large

        davsn flow clips/ --offsets -1 -2 --both size=[640,320]

        davsn flow Cityscapes name=cityscapes --estimator '{name: dis, preset: fast}' -o flow --shard 1/4

    Parameters
    ----------
    data:
        A recipe (a YAML file or a name), a folder of frames, or a video.
    changes:
        Settings that replace those of the recipe or of the data set: key=value.
    estimator:
        As in a recipe after 'flow:' (davsn list flow); without it, what the recipe says, or dis.
    out:
        A folder for files in tenths of a pixel; of a recipe, for the folders source and target.
    offsets:
        Frames that flow leads to, seen from the current one; without it -1, or what the recipe's method needs.
    both:
        The flow back as well.
    shard_:
        Which part of the work, such as 2/4 for the second of four.
    batch_size:
        Pairs that are estimated at once; more is faster on a GPU.
    device:
        Where: cpu, cuda, mps, or auto for the best there is.
    """
    place = _device(device)
    index, count = _part_of(shard_)
    for name, (part, needed) in _domains(data, list(changes), estimator).items():
        dataset = target_training(build_dataset(part))
        for spec in _specs(needed, offsets, both):
            samples = shard(Samples(dataset, spec), index, count)
            keeper = Cached(samples) if out is None else Files(samples, out / name)
            _fill(samples, keeper, place, batch_size, name or "flow")


def _fill(samples: Samples, keeper: Keeper, device: torch.device, batch_size: int, what: str) -> None:
    setting, begin = samples.dataset.config.flow, time.perf_counter()
    with progress(what, count_pairs(samples)) as report:
        filled = fill(samples, keeper, device, report, batch_size)
    seconds = time.perf_counter() - begin
    counts = f"{filled.estimated} flows estimated by {setting.name} in {seconds:.1f} s, {filled.present} were there"
    counts += f", {filled.copied} came from the cache" if filled.copied else ""
    say(f"{what}: {counts}; {keeper}")
    if isinstance(keeper, Files):
        say("Set flow: stored and flow_root to this folder to use them.")
    elif not setting.cached:
        say(f"Set flow: {setting.model_copy(update={'cached': True})} to use it.")


def _domains(data: str, changes: list[str], estimator: str | None) -> Domains:
    """What is to be looked at, each with a flow that can be estimated."""
    if data.endswith((".yaml", ".yml")) or not (Path(data).exists() or "/" in data):
        experiment = load_recipe(data, changes, paths=False)
        source, target = clips_of(experiment)
        wanted = {"source": (experiment.source, source), "target": (experiment.target, target or asked(experiment))}
        found: Domains = {key: (part, spec) for key, (part, spec) in wanted.items() if part is not None and spec.flows}
        if not found:
            raise ConfigError(data, ["video.propagation  none is a network of single frames, which looks at no flow"])
    else:
        if not Path(data).exists():
            raise DataError("no such file or folder", data, "Give a recipe, a folder of frames, or a video")
        video = Path(data).is_file() or holds_videos(Path(data))
        values = {"name": "video", "paths": [data]} if video else {"name": "folder", "root": data}
        found = {"": (choose(VideoDataset, override(values, changes)), PAIR)}
    chosen = None if estimator is None else chosen_flow(estimator, "--estimator")
    return {name: (_estimating(part, chosen, name), spec) for name, (part, spec) in found.items()}


def _estimating(part: Choice, chosen: FlowSetting | None, name: str) -> Choice:
    """The data set with a flow that is estimated, and no folder of stored flow, which need not be there yet."""
    assert isinstance(part.settings, DatasetSettings)
    setting = chosen or part.settings.flow
    if setting.own:
        key = f"{name}.flow".lstrip(".")
        raise ConfigError(
            "davsn flow", [f"{key}  '{setting}' is not estimated. Say what estimates it, such as --estimator dis"]
        )
    update = {"flow": setting, **({"flow_root": None} if "flow_root" in type(part.settings).model_fields else {})}
    return part.model_copy(update={"settings": part.settings.model_copy(update=update)})


def _specs(needed: ClipSpec, offsets: list[int] | None, both: bool) -> list[ClipSpec]:
    """What the method needs; or each offset for itself, since a frame may have one neighbour and not the other."""
    if offsets is None and not both:
        return [replace(needed, labels=False)]
    offsets = [-1] if offsets is None else offsets
    if 0 in offsets:
        raise ConfigError("--offsets", ["0 is the current frame itself. Name its neighbours, such as -1 -2"])
    return [ClipSpec((0, offset), ((0, offset), *[(offset, 0)] * both)) for offset in offsets]


def _part_of(text: str | None) -> tuple[int, int]:
    """Which part of the work is this process's, counted from 0, and of how many."""
    if text is None:
        return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ConfigError("--shard", [f"'{text}' names no part. Write 1/4 for the first of four, up to 4/4"])
    return int(match[1]) - 1, int(match[2])


def _device(name: str) -> torch.device:
    """The device; of several GPUs the one that torchrun means for this process."""
    device = device_of(name)
    if device.type == "cuda" and ":" not in name and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device
