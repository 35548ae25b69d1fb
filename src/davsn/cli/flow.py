"""``davsn flow``: computes flow before training, and works with flow files."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

import davsn
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

    The flow is written to the cache, which 'flow: dis, cached' reads. With --out it is written to files for
    'flow: stored'; flow that is in the cache is copied to them. Existing flow is not computed again, so the same
    command resumes the work. Processes that torchrun starts share the work.

    Try:

        davsn flow my_recipe.yaml --estimator raft_large

        davsn flow clips/ --offsets -1 -2 --both size=[640,320]

        davsn flow Cityscapes name=cityscapes --estimator '{name: dis, preset: fast}' -o flow --shard 1/4

    Parameters
    ----------
    data:
        A recipe (a YAML file or a name), a folder of frames, or a video.
    changes:
        Overrides of the settings of the recipe or of the data set, key=value.
    estimator:
        The estimator (davsn list flow), as in a recipe after 'flow:'. Default: as the settings say, or else dis.
    out:
        A folder for files in tenths of a pixel. For a recipe, it gets the folders source and target.
    offsets:
        The frames that the flow leads to, as offsets from the current frame. Default: -1, or those that the recipe's
        method needs.
    both:
        Compute the flow in the opposite direction too.
    shard_:
        Which part of the work to do, such as 2/4 for the second of four.
    batch_size:
        Number of pairs that are estimated at once; a larger number is faster on a GPU.
    device:
        The device: cpu, cuda, mps, or auto for the best available.
    """
    davsn.compute_flow(
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
