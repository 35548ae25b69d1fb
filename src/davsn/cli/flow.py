"""``davsn flow``: flow ahead of its use, and what can be done with flow files."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from davsn.api.flow import compute_flow
from davsn.cli.flow_convert import convert_
from davsn.cli.flow_measure import measure_
from davsn.cli.flow_show import show_

flow_ = App(name="flow", result_action="return_value")
flow_.command(convert_, name="convert")
flow_.command(show_, name="show")
flow_.command(measure_, name="measure")


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
    compute_flow(
        data,
        changes,
        estimator=estimator,
        out=out,
        offsets=offsets,
        both=both,
        part=shard_,
        batch_size=batch_size,
        device=device,
    )
