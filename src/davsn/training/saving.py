"""When a run saves its checkpoints: before anything that may fail, and again with what that found."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from davsn.core import ranks
from davsn.networks.video import VideoSegmenter
from davsn.training import checkpoint
from davsn.training.folder import RunFolder
from davsn.training.selection import Criterion

if TYPE_CHECKING:
    from davsn.training.loop import Trainer

Judge = Callable[[VideoSegmenter], Mapping[Criterion, float]]
"""Measures every label-free criterion of a segmenter."""
Finish = Callable[[VideoSegmenter], None]
"""Changes the segmenter after the last step."""


class Saver:
    """Saves the checkpoints of a run; see :func:`davsn.training.loop.train` for the arguments.

    Rank 0 alone judges and writes. The state is the same on all ranks, so any number of them can resume it.
    """

    def __init__(
        self,
        trainer: "Trainer",
        folder: RunFolder,
        extra: Mapping[str, Any],
        judge: Judge | None,
        finish: Finish | None,
    ) -> None:
        self.trainer, self.folder, self.extra = trainer, folder, extra
        self.judge, self.finish, self.best = judge, finish, -math.inf

    def resume(self) -> bool:
        """Restore the newest checkpoint, if there is one; return False if :meth:`complete` must still be called."""
        if ranks.rank() == 0:
            checkpoint.clean(self.folder.checkpoints)
        if self.folder.newest is None:
            return True
        state = checkpoint.load(self.folder.newest)
        self.trainer.load_state_dict(state)
        self.best = state["best"]
        return bool(state.get("complete", True))

    def save(self, criteria: Mapping[Criterion, float], complete: bool = True) -> None:
        """Save the state of the trainer, and copy it if it is the best so far."""
        if ranks.rank() > 0:
            return
        settings = self.trainer.settings
        score = criteria.get(settings.select, -math.inf)
        improved, self.best = score > self.best, max(score, self.best)
        found = {"best": self.best, "criteria": dict(criteria), "complete": complete}
        state = {**self.trainer.state_dict(), **self.extra, **found}
        checkpoint.save(self.folder.checkpoints, self.trainer.done, state, keep=settings.keep, best=improved)

    def save_first(self) -> None:
        """Save what was trained, if :meth:`complete` does anything that may fail."""
        if self.judge or self.finish:
            self.save({}, complete=False)

    def complete(self) -> None:
        """After the last step, finish the network; judge it, and save it with the criteria."""
        segmenter = self.trainer.segmenter
        if self.trainer.done == self.trainer.settings.steps and self.finish is not None:
            self.finish(segmenter)
        if ranks.rank() == 0:
            self.save(self.judge(segmenter) if self.judge else {})
