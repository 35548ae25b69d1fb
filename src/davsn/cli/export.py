"""``davsn export``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from davsn.api.export import export
from davsn.api.model import load
from davsn.core.console import say


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
    model = load(checkpoint, recipe, own_code=own_code)
    written = export(model, out)
    at = "" if model.step is None else f" at step {model.step}"
    say(f"{written} tensors of {checkpoint}{at} written to {out}")
