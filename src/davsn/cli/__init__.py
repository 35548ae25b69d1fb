"""The command line: one small file a command, loaded when it is called."""

import sys

from cyclopts import App, CycloptsError

from davsn import __version__
from davsn.errors import DavsnError

ABOUT = """Adapt a video segmentation network from labelled video to video that nobody has labelled.

First steps:

    davsn demo                    see what adaptation does: five minutes, no download

    davsn adapt --help            adapt to your own video

    davsn predict --help          look at the result

Every command explains itself: davsn COMMAND --help
"""
COMMANDS = {
    "demo": "Render two street worlds, adapt from one to the other, show the gain.",
    "adapt": "Adapt from your labelled video to your unlabelled video.",
    "train": "Run a recipe, or go on with a run that was stopped.",
    "sweep": "Run a recipe for several methods, values and seeds; compare them in one table.",
    "eval": "Score a trained network on labelled video.",
    "predict": "Label a video or a folder of frames.",
    "export": "Write a network's weights alone, as the public code loads them.",
    "check": "Look for every problem before training; start nothing.",
    "flow": "Compute optical flow before it is used; convert it, look at it, measure it.",
    "streets": "Write the embedded world to disk: frames, labels, class table.",
    "list": "List the methods, networks, data sets, flow estimators and recipes there are.",
}


def build(asked: str | None) -> App:
    """The command line. Only the command that is asked for is imported; the others show a line each.

    Args:
        asked: the first word after ``davsn``.
    """
    app = App(name="davsn", version=__version__, result_action="return_value", help=ABOUT)
    for name, line in COMMANDS.items():
        app.command(f"davsn.cli.{name}:{name}_", name=name, help=None if name == asked else line)
    return app


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: as typed after ``davsn``; None takes those of this process.

    Returns:
        the exit code: 0, 2 for a mistake that is the user's to mend, 130 when interrupted.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        result = build(arguments[0] if arguments else None)(arguments, exit_on_error=False)
    except CycloptsError:  # it has printed what is wrong; by itself it would exit with 1 before cyclopts 5
        return 2
    except DavsnError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return result if isinstance(result, int) else 0
