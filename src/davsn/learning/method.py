"""The contract between a method and the engine: the method says what to minimise, the engine says how.

A method knows no file, device, optimiser, logger or precision. It declares the frames and flows it needs,
its trainable parts by name, and a generator of named losses. The engine (``training/loop.py``) does one
``backward(inputs=those parts)`` for each yield, so that a graph is freed before the next one is built and
no ``requires_grad`` is ever toggled.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field
from torch import nn

from davsn.core.clip import LABELLED_PAIR, PAIR, Batch, ClipSpec, Prediction
from davsn.core.plugins import Choice, Plugin, find
from davsn.core.settings import Settings
from davsn.learning.supervision import supervision
from davsn.learning.term import Term as Term
from davsn.networks.video import VideoSegmenter

PUBLISHED: Mapping[str, Any] = {
    "video.flow_scale": "height",
    "optimiser.repeats": "for_loop",
    "optimiser.schedule": "positional",
}
"""What all methods of the DA-VSN family have in common where they are faithful (docs/parity.md)."""


class SupervisedSettings(Settings):
    """Settings of every method that learns from labels."""

    main_weight: float = Field(1.0, ge=0)
    """Weight of the main classifier's cross entropy, with labels and with pseudo-labels."""
    aux_weight: float = Field(0.1, ge=0)
    """Weight of the auxiliary classifier's cross entropy, with labels and with pseudo-labels."""

    def weights(self, share: float = 1.0) -> tuple[float, float]:
        """Both weights, times the share that a loss has beside that of the source's labels."""
        return share * self.main_weight, share * self.aux_weight


def build_method(choice: Choice, segmenter: VideoSegmenter) -> "Method":
    """The method that a recipe chooses, around a network."""
    return find(Method, choice.name)(choice.settings, segmenter)


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
    source: ClassVar[ClipSpec] = LABELLED_PAIR
    """What is needed of every labelled source sample."""
    target: ClassVar[ClipSpec | None] = PAIR
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

    config: Any

    def __init__(self, config: Any, segmenter: VideoSegmenter) -> None:
        self.config = config
        self.segmenter = segmenter
        self.parts = {"segmenter": segmenter}

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

    def on_source(self, source: Batch, features: bool = False) -> Prediction:
        """Prediction for source frames. They leave no trace in statistics that follow the target alone.

        Args:
            source: frames as they are, or in colours of the target.
            features: whether the features are wanted too; see :class:`~davsn.core.clip.Prediction`.
        """
        return self.segmenter.off_target(*source.seen, features=features)

    def supervision(self, prediction: Prediction, source: Batch) -> tuple[Term, Term]:
        """Cross entropy of both classifiers with the source's labels, by the weights of :class:`SupervisedSettings`."""
        return supervision(prediction, source, *self.config.weights())

    def after_step(self, step: int) -> None:
        """Called when the parts have been updated, such as for a teacher that follows the segmenter."""
