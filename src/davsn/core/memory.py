"""Running out of memory, as an error that the user can correct."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from davsn.core.errors import DavsnError

_SAID = (
    "out of memory",  # CUDA, MPS, FFmpeg
    "can't allocate memory",  # PyTorch on a CPU
    "not enough memory",  # PyTorch on Windows
    "insufficient memory",  # OpenCV
    "cannot allocate memory",  # the operating system
    "alloc_failed",  # cuDNN and cuBLAS
)
"""What libraries say, in lower case. Their errors have no common class."""

LESS = (
    "Make the frames smaller ('size', or --size where the command has it), lower training.batch_size or "
    "training.workers, or end other programs. Files that are complete are kept"
)
"""What to change where a command says nothing more precise."""


class MemoryShortError(DavsnError):
    """Memory ran out. The message says what to change."""


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or one that caused it, says that memory ran out, on any device and in any library."""
    chain: BaseException | None = error
    while chain is not None:
        text = str(chain).lower()
        if isinstance(chain, MemoryError) or any(said in text for said in _SAID):
            return True
        chain = chain.__cause__
    return False


@contextmanager
def enough_memory(doing: str, remedy: str | Callable[[], str]) -> Iterator[None]:
    """Turn any error of the block that says that memory ran out into a :class:`MemoryShortError`.

    Args:
        doing: what the block does, such as "training".
        remedy: which settings to change, or a function that finds out.

    Raises:
        MemoryShortError: memory ran out.
    """
    try:
        yield
    except DavsnError:
        raise
    except Exception as error:
        if not ran_out_of_memory(error):
            raise
        change = remedy if isinstance(remedy, str) else remedy()
        raise MemoryShortError(f"{doing} ran out of memory ({_first_line(error)}). {change}") from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].split(". ")[0] if lines else type(error).__name__
