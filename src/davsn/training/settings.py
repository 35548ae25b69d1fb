"""The settings of training that apply to every method; those of the optimisers are in ``optimisation.py``."""

import math
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from davsn.core.settings import AlsoCalled, Settings
from davsn.data.rare_classes import RareClasses
from davsn.networks.video import StatisticsOf
from davsn.training.selection import Criterion


class TrainingSettings(Settings):
    """Settings of training that apply to every method."""

    steps: Annotated[int, AlsoCalled("epochs", "iterations", "iters", "max_iters", "max_steps")] = Field(40_000, ge=1)
    """Number of steps of the run."""
    batch_size: Annotated[int, AlsoCalled("batch", "bs")] = Field(1, ge=1)
    """Samples of each domain in a step, over all processes that share the run. So a run computes the same on one device
    as on several, and its number must be a multiple of theirs."""
    accumulate: Annotated[int, AlsoCalled("accumulation", "accumulation_steps", "grad_accum")] = Field(1, ge=1)
    """Number of equal parts in which a step computes its batch, one after another (gradient accumulation), for less
    memory. Every part has its own mean losses and its own statistics of batch normalisation; gradients are averaged."""
    recompute: Annotated[bool, AlsoCalled("checkpointing", "gradient_checkpointing")] = False
    """Compute the activations of the network's blocks again in the backward pass (activation checkpointing): less
    memory, more time, the same numbers."""
    compile: bool = False
    """Compile the image network with torch.compile; needs a C++ compiler. The first step takes minutes. Not
    together with ``recompute`` or several processes."""
    precision: Annotated[Literal["fp32", "bf16"], AlsoCalled("amp", "dtype")] = "fp32"
    """bf16 computes under autocast; weights and optimiser stay in fp32."""
    clip: float | None = Field(1.0, gt=0)
    """Largest gradient norm of each part; null does not clip."""
    average: float | None = Field(None, gt=0, lt=1)
    """Decay of a moving average of the segmenter, which is kept beside it and used for prediction; null keeps none."""
    average_last: float | None = Field(None, gt=0, lt=1)
    """Share of the run, at its end, whose weights are averaged, each step alike (SWA, Izmailov et al., UAI 2018). The
    mean is used for prediction; null averages nothing. Its batch normalisation is best estimated anew, by
    'target_statistics'."""
    save_every: int = Field(1000, ge=1)
    """Steps between two checkpoints."""
    keep: int = Field(2, ge=1)
    """Number of newest checkpoints to keep; the best checkpoint is always kept too."""
    log_every: int = Field(20, ge=1)
    """Steps between two writes of the log."""
    select: Criterion = "information"
    """The label-free criterion that chooses the best checkpoint; all criteria are measured if the run has a target."""
    tensorboard: bool = False
    """Write the log as TensorBoard curves too; needs TensorBoard."""
    rare_classes: RareClasses | None = None
    """Draw source frames by their classes, rare classes more often: {} does as DAFormer; null draws all frames
    alike."""
    statistics: StatisticsOf = "both"
    """The frames that the running statistics of batch normalisation follow; prediction uses these statistics. 'both':
    frames of both domains, as in all public code. 'target': unchanged target frames alone, if the method uses a target.
    Training always normalises with the batch's own statistics."""
    target_statistics: int = Field(0, ge=0)
    """Number of target batches, at the end of the run, from which the running statistics of batch normalisation are
    estimated anew (AdaBN, Li et al., 2018), whatever the method; 0 keeps those of training."""
    workers: Annotated[int, AlsoCalled("num_workers")] = Field(1, ge=0)
    """Loader processes for each domain; 0 loads in the training process."""
    pinned: Annotated[bool, AlsoCalled("pin_memory")] = False
    """Load batches into page-locked memory, from which a CUDA device copies them while the host works on; without
    effect on other devices."""
    device: str = "auto"
    """'cpu', 'cuda', 'mps', or 'auto' for the best device available."""

    @field_validator("average_last")
    @classmethod
    def _is_the_only_average(cls, share: float | None, info: ValidationInfo) -> float | None:
        if share is not None and info.data.get("average") is not None:
            raise ValueError("a run has one average of its weights. Remove 'average' or 'average_last'")
        return share

    @property
    def averaged_from(self) -> int:
        """The first step whose weights count in the average."""
        return self.steps - math.ceil(self.average_last * self.steps) if self.average_last else 0
