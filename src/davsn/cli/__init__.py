"""The command line: one small file a command, loaded when it is called."""

import sys

from cyclopts import App

from davsn import __version__
from davsn.errors import DavsnError

app = App(
    name="davsn",
    version=__version__,
    result_action="return_value",
    help="""Adapt a video segmentation network from labelled video to video that nobody has labelled.

First steps:

    davsn demo                                        see what adaptation does, in five minutes, no download

    davsn adapt --source DIR --target DIR_OR_VIDEOS   adapt to your own video

    davsn predict RUN clip.mp4 -o overlay.mp4         look at the result

Every command explains itself: davsn COMMAND --help
""",
)
for _name, _help in {
    "demo": "Render two street worlds, adapt from one to the other, show the gain.",
    "adapt": "Adapt from your labelled video to your unlabelled video.",
    "train": "Run a recipe, or go on with a run that was stopped.",
    "eval": "Score a trained network on labelled video.",
    "predict": "Label a video or a folder of frames.",
    "check": "Look for every problem before training; start nothing.",
    "streets": "Write the embedded world to disk: frames, labels, class table.",
    "list": "List the methods, networks, data sets, flow estimators and recipes there are.",
}.items():
    app.command(f"davsn.cli.{_name}:{_name}_", name=_name, help=_help)


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: as typed after ``davsn``; None takes those of this process.

    Returns:
        the exit code: 0, 2 for a mistake that is the user's to mend, 130 when interrupted.
    """
    try:
        result = app(arguments)
    except DavsnError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return result if isinstance(result, int) else 0
