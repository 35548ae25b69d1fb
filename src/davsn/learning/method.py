"""The contract between a method and the engine: the method says what to minimise, the engine says how.

A method knows nothing of files, devices, optimisers, logs or precision. It declares the frames and flows that it needs,
its trained parts by name, and a generator of named losses. The engine (``training/loop.py``) calls
``backward(inputs=those parts)`` once for each yield. So a graph is freed before the next one is built, and
``requires_grad`` never changes.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field
from torch import Tensor, nn

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
"""The settings that all methods of the DA-VSN family share in ``mode: faithful`` (docs/parity.md)."""


RAREST = 1e-6
"""The smallest share of a class in the logit adjustment, so that a class without a pixel has a finite logarithm."""


class SupervisedSettings(Settings):
    """Settings of every method that learns from labels."""

    main_weight: float = Field(1.0, ge=0)
    """Weight of the main classifier's cross entropy, for labels and for pseudo-labels."""
    aux_weight: float = Field(0.1, ge=0)
    """Weight of the auxiliary classifier's cross entropy, for labels and for pseudo-labels."""

    adjust: float = Field(0.0, ge=0)
    """τ of the logit adjustment (Menon et al., ICLR 2021). In the loss on the source's labels, τ times the logarithm of
    each class's share of the source's pixels is added to the logits. The network then predicts rare classes more often.
    0 adds nothing."""

    def weights(self, share: float = 1.0) -> tuple[float, float]:
        """Both weights, times the weight of a loss relative to the loss on the source's labels."""
        return share * self.main_weight, share * self.aux_weight


def build_method(choice: Choice, segmenter: VideoSegmenter) -> "Method":
    """The method that a recipe chooses, built around a network."""
    return find(Method, choice.name)(choice.settings, segmenter)


class Method(Plugin, ABC, package="davsn.methods"):
    """The base class of methods of adaptation. Every method is a final class in a file of its own.

    Args:
        config: the method's own settings.
        segmenter: the network to adapt; it becomes the part ``"segmenter"``.
    """

    paper: ClassVar[str]
    """The title, venue and year of the paper."""
    when: ClassVar[str] = ""
    """When to use the method, in one sentence, for ``davsn list methods``."""
    source: ClassVar[ClipSpec] = LABELLED_PAIR
    """The request for every labelled source sample."""
    target: ClassVar[ClipSpec | None] = PAIR
    """The request for every target sample; None for a method that uses no target video."""

    single_frames: ClassVar[bool] = False
    """Whether it can train a single-frame network (video.propagation: none), which gets the current frame alone."""
    target_motion: ClassVar[bool] = False
    """Whether it uses the target's other frames and flow itself, for example to move pseudo-labels. They are then
    loaded for a single-frame network too."""
    needs_start: ClassVar[bool] = False
    """Whether it changes a network that is already trained, and so needs ``start``."""

    whole_batches: ClassVar[bool] = False
    """Whether it must see the batch of a step as a whole, and not in the parts of ``training.accumulate``."""

    faithful: ClassVar[Mapping[str, Any]]
    """The settings with which a step computes what the public code computes, accidents included: dotted key → value. A
    setting of the target (``target.…``) is used only if the target's data set has it."""

    parts: Mapping[str, nn.Module]
    """All trained modules by name; ``"segmenter"`` is always among them."""
    kept: Mapping[str, nn.Module] = {}
    """Modules that no gradient trains, such as a teacher. They are moved and saved with the parts; their mode does not
    change."""

    config: Any
    source_shares: Tensor | None = None
    """(C,) each class's share of the source's labelled pixels, on the device; None if :attr:`needs_shares` is False."""
    steps: int | None = None
    """The length of the run, for schedules by a share of it; set before the first step."""

    def __init__(self, config: Any, segmenter: VideoSegmenter) -> None:
        self.config = config
        self.segmenter = segmenter
        self.parts = {"segmenter": segmenter}

    @property
    def needs_shares(self) -> bool:
        """Whether the source's class shares have to be counted before the first step."""
        return bool(getattr(self.config, "adjust", 0.0))

    def prepare(self, steps: int, source_shares: Tensor | None = None) -> None:
        """Called by the engine before the first step.

        Args:
            steps: the length of the run.
            source_shares: (C,) see :attr:`source_shares`.
        """
        self.steps, self.source_shares = steps, source_shares

    @classmethod
    def clips(cls, config: Any) -> tuple[ClipSpec, ClipSpec | None]:
        """The requests for source and target samples, for these settings."""
        return cls.source, cls.target

    @abstractmethod
    def terms(self, source: Batch, target: Batch | None, step: int) -> Iterator[Term | tuple[Term, ...]]:
        """The losses of one step, in the order of the paper. Losses that share a graph are yielded together.

        A method that does not learn by gradients, but for example by batch statistics, yields none.

        Args:
            source: labelled source samples, as the attribute ``source`` asks for them.
            target: unlabelled target samples, as the attribute ``target`` asks for them; None if that is None.
            step: counted from 0.
        """

    def on_source(self, source: Batch, features: bool = False) -> Prediction:
        """The prediction for source frames; leaves statistics unchanged that follow the target alone.

        Args:
            source: frames as they are, or in the colours of the target.
            features: whether to return the features too; see :class:`~davsn.core.clip.Prediction`.
        """
        return self.segmenter.off_target(*source.seen, features=features)

    def supervision(self, prediction: Prediction, source: Batch) -> tuple[Term, ...]:
        """Cross entropy of every classifier with the source's labels, as :class:`SupervisedSettings` says."""
        prior = None
        if self.needs_shares:
            assert self.source_shares is not None, "prepare() gives the source's class shares before the first step"
            prior = self.config.adjust * self.source_shares.clamp(min=RAREST).log()
        main_weight, aux_weight = self.config.weights()
        return supervision(prediction, source, main_weight, aux_weight, prior)

    def after_step(self, step: int) -> None:
        """Called by the engine after each update of the parts, for example for a teacher that follows the segmenter."""
