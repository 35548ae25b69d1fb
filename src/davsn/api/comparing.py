"""``davsn.compare``: compares the scores of two networks."""

from collections.abc import Sequence
from pathlib import Path

from davsn.scoring.comparing import compared
from davsn.scoring.comparing import difference_table as difference_table
from davsn.scoring.scores import Scores
from davsn.scoring.uncertainty import Difference as Difference


def compare(one: Scores | Path | str, other: Scores | Path | str, own: Sequence[str] = ()) -> list[Difference]:
    """Compare two networks that were scored on the same clips; see :func:`davsn.scoring.comparing.compared`.

    Args:
        one: the scores of the first network, or their file.
        other: the scores of the second network, or their file.
        own: paths of your own metrics.

    Raises:
        DataError: a file cannot be read, or the scores cannot be compared.
    """
    first, second = (scores if isinstance(scores, Scores) else Scores.load(Path(scores)) for scores in (one, other))
    return compared(first, second, own)
