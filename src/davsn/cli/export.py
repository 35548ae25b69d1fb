"""``davsn export``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from davsn.cli.train import open_with
from davsn.core.console import say
from davsn.core.errors import ConfigError
from davsn.networks.weights import WEIGHTS_ALONE, save_weights


def export_(
    checkpoint: Path,
    out: Annotated[Path, Parameter(alias="-o")],
    *,
    recipe: str | None = None,
    own_code: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a network's weights alone: a .pth that the public DA-VSN code loads, or a .safetensors.

    Try:

        davsn export runs/mine -o model_40000.pth

        davsn export runs/mine/checkpoints/best.pt -o best.safetensors

    Parameters
    ----------
    checkpoint:
        A checkpoint, or a run's folder, whose newest checkpoint is taken; or weights alone (.pth, .safetensors).
    out:
        A name ending in .pth, for network deeplab, or in .safetensors, for any network.
    recipe:
        For weights alone: the recipe that names their network, classes and video settings.
    own_code:
        Run the .py files that the checkpoint names, as parts of your own; never for a checkpoint of somebody else.
    """
    if out.suffix not in WEIGHTS_ALONE:
        raise ConfigError("--out", [f"{out} should end in {' or '.join(WEIGHTS_ALONE)}"])
    trained = open_with(checkpoint, recipe, own_code)
    network = trained.experiment.network.name
    if out.suffix == ".pth" and network != "deeplab":
        raise ConfigError(
            "--out",
            [f"{out} would be a snapshot of the public code: of deeplab, not {network}. Take .safetensors"],
        )
    save_weights(trained.segmenter, out)
    at = "" if trained.step is None else f" at step {trained.step}"
    say(f"{len(trained.segmenter.state_dict())} tensors of {checkpoint}{at} written to {out}")
