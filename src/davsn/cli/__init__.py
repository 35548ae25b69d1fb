"""The command line: one small file for each command, imported when the command is called."""

import sys
from collections.abc import Callable
from importlib import import_module
from inspect import BoundArguments

from cyclopts import App, CycloptsError

from davsn import __version__
from davsn.cli.words import settings_last
from davsn.core.console import console, doing, wrapped
from davsn.core.errors import DavsnError, ElsewhereError
from davsn.core.launched import changed_environment, first_launched, launched
from davsn.core.memory import LESS, enough_memory

ABOUT = """Adapt a video segmentation network from labelled video to unlabelled video.

First steps:

    davsn demo                         see the gain; takes minutes, no download

    davsn adapt --target drive.mp4     adapt to your own video

    davsn predict runs/adapt drive.mp4 -o overlay.mp4

Help for every command: davsn COMMAND --help, such as davsn adapt --help
"""
COMMANDS = {
    "demo": "Render synthetic streets in two domains, adapt from one to the other, show the gain.",
    "adapt": "Adapt to your unlabelled video, from a drawn world or from your labelled video.",
    "train": "Train a recipe, or resume a run that was stopped.",
    "sweep": "Train a recipe with several methods, values and seeds, and compare them.",
    "eval": "Score a trained network on labelled video.",
    "predict": "Segment a video or a folder of frames.",
    "watch": "Follow a run in the terminal: time left, losses, last scores.",
    "report": "Write one HTML page about runs: scores, curves, players of their predictions.",
    "export": "Write a network's weights to a file, for the public code or other programs.",
    "check": "Find problems before training, without starting it.",
    "flow": "Compute optical flow before training; convert, show and measure flow.",
    "import": "Make a labelled folder of what a labelling tool wrote.",
    "streets": "Write the built-in synthetic data set to disk: frames, labels, class table.",
    "list": "List the methods, networks, data sets, flow estimators and recipes.",
}


def build(asked: str | None) -> App:
    """Build the command line. A command's file is imported when it is called, or when its help is printed.

    No file of a command imports PyTorch before its command runs, so every help page is printed at once.

    Args:
        asked: the first argument after ``davsn``; the help of this command is its own text, and not one line.
    """
    app = App(name="davsn", version=__version__, result_action="return_value", help=ABOUT)
    for name, line in COMMANDS.items():
        app.command(f"davsn.cli.{name}:{name}_", name=name, help=None if name == asked else line)
    return app


APIS = {
    "adapt": "adapting",
    "check": "checking",
    "eval": "evaluation",
    "flow_convert": "flow",
    "import": "importing",
    "list": None,
    "predict": "model",
    "sweep": "sweeping",
    "train": "training",
    "watch": "watching",
}
"""The modules of ``davsn.api`` by the command's file, where their names differ; None: it may take no time."""


SHARED = ("train", "eval", "predict", "flow")
"""The commands whose work the processes share that a launcher such as torchrun has started."""


def _load(module: str) -> None:
    """Import what a command needs, PyTorch above all, which takes seconds; a terminal says so meanwhile."""
    room, _, name = module.rpartition(".")
    api = APIS.get(name, name)
    if console.is_terminal and room == "davsn.cli" and api is not None:
        with doing("Starting …"):
            import_module(f"davsn.api.{api}")


def _run(command: Callable[..., object], given: BoundArguments) -> object:
    """Run a command. Of several processes, the first alone runs a command whose work cannot be shared."""
    shared = command.__module__.rpartition(".")[2] in SHARED
    if not shared and not first_launched():
        return 0
    _load(command.__module__)
    if not launched():
        return command(*given.args, **given.kwargs)
    if not shared:
        with changed_environment(WORLD_SIZE=None, RANK=None):
            return command(*given.args, **given.kwargs)
    from davsn.core import ranks

    with ranks.joined():
        return command(*given.args, **given.kwargs)


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the arguments after ``davsn``; None: those of this process.

    Returns:
        the exit code: 0; 2 for an error that the user can correct; 130 when interrupted.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    first = first_launched()
    try:
        app = build(arguments[0] if arguments else None)
        with enough_memory("davsn", LESS):
            words = settings_last(app, arguments)
            command, given, _ = app.parse_args(words, exit_on_error=False, print_error=first)
            result = _run(command, given)
    except CycloptsError:  # it has printed what is wrong; by itself it would exit with 1 before cyclopts 5
        return 2
    except ElsewhereError:
        return 2
    except DavsnError as error:
        text = str(error)
        print(wrapped(text, console.width) if sys.stderr.isatty() else text, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if first:
            print("interrupted", file=sys.stderr)
        return 130
    return result if isinstance(result, int) else 0
