"""The log as TensorBoard curves, if TensorBoard is installed."""

from collections.abc import Callable, Mapping
from pathlib import Path

from davsn.core.errors import ConfigError


def curves(folder: Path, done: int) -> Callable[[Mapping[str, float]], None]:
    """A function that adds a line of the log to the curves in ``folder``.

    Args:
        folder: the run's folder; ``tensorboard --logdir`` takes it, or any folder above it.
        done: the number of steps that the restored checkpoint has done. Curves of later steps, left by a run that was
            killed, are hidden.

    Raises:
        ConfigError: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter  # imported here, because it takes seconds
    except ImportError:
        mistake = "training.tensorboard  needs TensorBoard. Run 'pip install tensorboard', or set it to false"
        raise ConfigError("the settings", [mistake]) from None
    writer = SummaryWriter(str(folder / "tensorboard"), purge_step=done)

    def add(line: Mapping[str, float]) -> None:
        for key, value in line.items():
            if key != "step":
                writer.add_scalar(key, value, int(line["step"]))
        writer.flush()

    return add
