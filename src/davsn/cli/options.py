"""Groups of options that ``davsn eval`` and ``davsn predict`` share. Each field is an option of the command line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

Flag = Annotated[bool, Parameter(negative="")]
"""An option that is given or not."""
Several = Parameter(negative="", consume_multiple=True)
"""An option that takes every value up to the next option."""
Size = Annotated[tuple[int, int] | None, Parameter(negative="")]
"""Width and height in pixels."""


@Parameter(name="*")
@dataclass(frozen=True)
class Opening:
    """How trained networks are opened.

    Attributes
    ----------
    window:
        Width and height of overlapping windows of the network's input, whose logits are averaged. The network's memory
        then does not grow with the frames. Default: whole frames.
    overlap:
        Smallest share of a window that the next one shares, from 0 to 0.9. Default: 0.5.
    recipe:
        For a weights file: the recipe that names its network, classes and video settings.
    own_code:
        Run the .py files that the checkpoint names, as plug-ins of your own. Never for somebody else's checkpoint.
    """

    window: Size = None
    overlap: float | None = None
    recipe: str | None = None
    own_code: Flag = False


@Parameter(name="*")
@dataclass(frozen=True)
class Together:
    """The networks of an ensemble.

    Attributes
    ----------
    with_:
        A further network of an ensemble, whose logits are averaged. Repeat the option for each network.
    weights:
        Weights of the networks in that mean, CHECKPOINT first. Default: equal weights.
    """

    with_: Annotated[list[Path] | None, Parameter(name="--with", negative="")] = None
    weights: Annotated[list[float] | None, Several] = None


@Parameter(name="*")
@dataclass(frozen=True)
class AtTestTime:
    """How networks are run.

    Attributes
    ----------
    flip:
        Show the network each frame mirrored too, and average the logits.
    scales:
        Show the network each frame at these sizes, divided by the usual size, and average the logits.
    bf16:
        Run the network in bf16; predict does so unless bf16 is measured to be slower on this processor. Default: the
        precision of its training.
    """

    flip: Flag = False
    scales: Annotated[list[float] | None, Several] = None
    bf16: Flag = False
