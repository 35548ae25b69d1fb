"""``davsn.compute_flow`` and ``davsn.convert_flow``: compute optical flow before training, and convert flow files."""

import os
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from davsn.api.choices import Direction, FormName, Unit
from davsn.api.model import chosen_flow
from davsn.core import ranks
from davsn.core.clip import PAIR, ClipSpec
from davsn.core.console import if_interrupted, progress, say
from davsn.core.errors import ConfigError, DataError
from davsn.core.plugins import Choice, choose
from davsn.core.settings import Changes, override
from davsn.data.dataset import DatasetSettings, VideoDataset
from davsn.data.precompute import Cached, Files, Keeper, count_pairs, fill, shard
from davsn.data.samples import Samples, target_training
from davsn.data.video.footage import names_videos
from davsn.experiment.building import build_dataset, device_of
from davsn.experiment.experiment import asked, clips_of
from davsn.experiment.recipes import read_recipe
from davsn.flow.files.conversion import Conversion
from davsn.flow.setting import FlowSetting

_RESUME = "The same command resumes the work."
Domains = dict[str, tuple[Choice, ClipSpec]]
"""Data sets by their keys in the recipe, and the frames and flow that their samples need."""


def compute_flow(  # noqa: PLR0913 - the options of a command
    data: Path | str,
    changes: Changes = (),
    *,
    estimator: str | None = None,
    out: Path | str | None = None,
    offsets: Sequence[int] | None = None,
    both: bool = False,
    part: str | None = None,
    batch_size: int = 1,
    device: str = "auto",
) -> None:
    """Compute the flow of a data set, or of a recipe's source and target, before it is used.

    The flow is written to the cache, which 'flow: dis, cached' reads. With ``out`` it is written to files for
    'flow: stored'; flow that is in the cache is copied to them. Existing flow is not computed again. Processes that
    torchrun starts share the work.

    Args:
        data: a recipe (a YAML file or a name), a folder of frames, or a video.
        changes: overrides of the settings of the recipe or of the data set.
        estimator: as in a recipe after 'flow:'; None: the estimator that the settings name, or else dis.
        out: a folder for files in tenths of a pixel; None: the cache is filled.
        offsets: the frames that the flow leads to, as offsets from the current frame; None: -1, or those that the
            recipe's method needs.
        both: compute the flow in the opposite direction too.
        part: which part of the work to do, such as '2/4' for the second of four; None: all, or this process's share
            under torchrun.
        batch_size: number of pairs that are estimated at once; a larger number is faster on a GPU.
        device: 'cpu', 'cuda', 'mps', or 'auto' for the best available.

    Raises:
        ConfigError: mistakes in the settings.
        DataError, FlowError: frames that cannot be read, or flow that cannot be written.
    """
    with ranks.joined():
        place = _device(device)
        index, count = _part_of(part)
        for name, (choice, needed) in _domains(str(data), changes, estimator).items():
            dataset = target_training(build_dataset(choice))
            for spec in _specs(needed, offsets, both):
                samples = shard(Samples(dataset, spec), index, count)
                keeper = Cached(samples) if out is None else Files(samples, Path(out) / name)
                _fill(samples, keeper, place, batch_size, name or "flow")


def convert_flow(
    source: Path | str,
    target: Path | str,
    *,
    to: FormName,
    form: FormName | None = None,
    direction: Direction | None = None,
    unit: Unit | None = None,
) -> Conversion:
    """Convert flow files to another format: one file, or a whole folder tree.

    Args:
        source: a flow file, or a folder; the files in it and in the folders below are converted.
        target: the new file, or the folder for the new tree.
        to: the new format; see :data:`davsn.flow.files.forms.FORMS`.
        form: the format of the source; None: by the suffix, where a PNG is read as KITTI's.
        direction: the direction of the flow; required if the files do not tell it.
        unit: the unit of the numbers in ``.npy`` and ``.npz`` files; required if they do not tell it.

    Raises:
        FlowError: files that cannot be read, or values that the new format cannot store.
    """
    conversion = Conversion(Path(source), Path(target), to, form, direction, unit)
    done, files = 0, len(conversion.files)
    with if_interrupted(lambda: f"Stopped; {done} of {files} files are done, in {target}. {_RESUME}"):
        with progress("converting", files) as report:
            for done in conversion.run():
                report(done)
    return conversion


def _fill(samples: Samples, keeper: Keeper, device: torch.device, batch_size: int, what: str) -> None:
    setting, begin = samples.dataset.config.flow, time.perf_counter()
    with if_interrupted(lambda: f"Stopped; what is estimated so far is kept: {keeper}. {_RESUME}"):
        with progress(what, count_pairs(samples)) as report:
            filled = fill(samples, keeper, device, report, batch_size)
    estimated, present, copied = ranks.sums(filled.estimated, filled.present, filled.copied)
    seconds = time.perf_counter() - begin
    counts = f"{estimated} flows estimated by {setting.name} in {seconds:.1f} s, {present} existed already"
    counts += f", {copied} copied from the cache" if copied else ""
    say(f"{what}: {counts}; {keeper}")
    if isinstance(keeper, Files):
        say("Set flow: stored and flow_root to this folder to use them.")
    elif not setting.cached:
        say(f"Set flow: {setting.model_copy(update={'cached': True})} to use it.")


def _domains(data: str, changes: Changes, estimator: str | None) -> Domains:
    """List the data sets to compute flow for, each with a flow that can be estimated."""
    if data.endswith((".yaml", ".yml")) or not (Path(data).exists() or "/" in data):
        experiment = read_recipe(data, changes, paths=False)
        source, target = clips_of(experiment)
        wanted = {"source": (experiment.source, source), "target": (experiment.target, target or asked(experiment))}
        found: Domains = {key: (part, spec) for key, (part, spec) in wanted.items() if part is not None and spec.flows}
        if not found:
            raise ConfigError(data, ["video.propagation  none makes a single-frame network, which uses no flow"])
    else:
        if not Path(data).exists():
            raise DataError("no such file or folder", data, "Give a recipe, a folder of frames, or a video")
        video = names_videos(Path(data))
        values = {"name": "video", "paths": [data]} if video else {"name": "folder", "root": data}
        found = {"": (choose(VideoDataset, override(values, changes)), PAIR)}
    chosen = None if estimator is None else chosen_flow(estimator, "--estimator")
    return {name: (_estimating(part, chosen, name), spec) for name, (part, spec) in found.items()}


def _estimating(part: Choice, chosen: FlowSetting | None, name: str) -> Choice:
    """Give a data set a flow that is estimated, and no folder of stored flow, because that may not exist yet."""
    assert isinstance(part.settings, DatasetSettings)
    setting = chosen or part.settings.flow
    if setting.own:
        key = f"{name}.flow".lstrip(".")
        raise ConfigError(
            "davsn flow", [f"{key}  '{setting}' is not estimated. Name an estimator, such as --estimator dis"]
        )
    update = {"flow": setting, **({"flow_root": None} if "flow_root" in type(part.settings).model_fields else {})}
    return part.model_copy(update={"settings": part.settings.model_copy(update=update)})


def _specs(needed: ClipSpec, offsets: Sequence[int] | None, both: bool) -> list[ClipSpec]:
    """List what to compute: what the method needs, or each offset separately, since a frame may lack one neighbour."""
    if offsets is None and not both:
        return [replace(needed, labels=False)]
    offsets = [-1] if offsets is None else offsets
    if 0 in offsets:
        raise ConfigError("--offsets", ["0 is the current frame itself. Name its neighbours, such as -1 -2"])
    return [ClipSpec((0, offset), ((0, offset), *[(offset, 0)] * both)) for offset in offsets]


def _part_of(text: str | None) -> tuple[int, int]:
    """Parse which part of the work this process does, counted from 0, and how many parts there are."""
    if text is None:
        return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ConfigError("--shard", [f"'{text}' is not a part. Write 1/4 for the first of four, up to 4/4"])
    return int(match[1]) - 1, int(match[2])


def _device(name: str) -> torch.device:
    """Choose the device; under torchrun, the GPU that is meant for this process."""
    device = device_of(name)
    if device.type == "cuda" and ":" not in name and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device
