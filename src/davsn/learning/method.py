"""The contract between a method and the engine: the method says what to minimise, the engine says how.

A method knows no file, device, optimiser, logger or precision. It declares the frames and flows it needs,
its trainable parts by name, and a generator of named losses. The engine (``training.py``) does one
``backward(inputs=those parts)`` for each yield, so that a graph is freed before the next one is built and
no ``requires_grad`` is ever toggled.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from davsn.core.clip import Batch, ClipSpec
from davsn.core.plugins import Plugin
from davsn.networks.video import VideoSegmenter

PUBLISHED: Mapping[str, Any] = {
    "video.flow_scale": "height",
    "optimiser.repeats": "for_loop",
    "optimiser.schedule": "positional",
}
"""What all methods of the DA-VSN family have in common where they are faithful (docs/parity.md)."""


@dataclass(frozen=True)
class Term:
    """One named loss.

    Attributes:
        name: the key in the log and the legend in the report.
        loss: scalar.
        trains: the part, or parts, whose parameters receive its gradient.
        weight: its factor in the sum that is minimised; the log holds the loss without it.
    """

    name: str
    loss: Tensor
    trains: str | tuple[str, ...] = "segmenter"
    weight: float = 1.0


class Method(Plugin, ABC, package="davsn.methods"):
    """A way to adapt. Every method is a final class in a file of its own.

    Args:
        config: the method's own settings.
        segmenter: the network to adapt; it becomes the part ``"segmenter"``.
    """

    paper: ClassVar[str]
    """Title, venue and year."""
    when: ClassVar[str] = ""
    """When to take it, in a sentence, for ``davsn list methods``."""
    source: ClassVar[ClipSpec]
    """What is needed of every labelled source sample."""
    target: ClassVar[ClipSpec | None]
    """What is needed of every target sample; None for a method that sees no target video."""

    single_frames: ClassVar[bool] = False
    """Whether it can train a network of single frames (video.propagation: none), which is given frame 0 alone."""
    needs_start: ClassVar[bool] = False
    """Whether it changes a network that is trained already, and so cannot do without ``start``."""

    faithful: ClassVar[Mapping[str, Any]]
    """Settings under which a step computes what the public code computes, accidents included: dotted key → value.
    One of the target (``target.…``) is set where the target's data set has it."""

    parts: Mapping[str, nn.Module]
    """Everything trainable, by name; holds at least ``"segmenter"``."""
    kept: Mapping[str, nn.Module] = {}
    """Modules that no gradient trains, such as a teacher: moved and saved with the parts, in the mode they are in."""

    @abstractmethod
    def __init__(self, config: Any, segmenter: VideoSegmenter) -> None: ...

    @classmethod
    def clips(cls, config: Any) -> tuple[ClipSpec, ClipSpec | None]:
        """What is needed of source and target samples, where that depends on the settings."""
        return cls.source, cls.target

    @abstractmethod
    def terms(self, source: Batch, target: Batch | None, step: int) -> Iterator[Term | tuple[Term, ...]]:
        """The losses of one step, in the order of the paper. Losses that share a graph come together.

        A method that learns by other means than gradients, such as batch statistics, yields none.

        Args:
            source: labelled source samples, as ``source`` above asks for them.
            target: target samples without labels, as ``target`` above asks for them; None if that is None.
            step: counted from 0.
        """

    def after_step(self, step: int) -> None:  # noqa: B027 - most methods have nothing to do here
        """Called when the parts have been updated, such as for a teacher that follows the segmenter."""
