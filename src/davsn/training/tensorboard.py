"""The log as TensorBoard curves, for those who have it installed."""

from collections.abc import Callable, Mapping
from pathlib import Path

from davsn.core.errors import ConfigError


def curves(folder: Path, done: int) -> Callable[[Mapping[str, float]], None]:
    """A function that adds a line of the log to the curves in ``folder``.

    Args:
        folder: the run's; ``tensorboard --logdir`` takes it or any folder above it.
        done: steps that the restored checkpoint has done; curves of later steps, left by a run that died, are hidden.

    Raises:
        ConfigError: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter  # here, since it takes seconds to import
    except ImportError:
        mistake = "training.tensorboard  needs TensorBoard: pip install tensorboard, or set it to false"
        raise ConfigError("the settings", [mistake]) from None
    writer = SummaryWriter(str(folder / "tensorboard"), purge_step=done)

    def add(line: Mapping[str, float]) -> None:
        for key, value in line.items():
            if key != "step":
                writer.add_scalar(key, value, int(line["step"]))
        writer.flush()

    return add
