"""Words of the command line: a word ``key=value`` is a setting, wherever it stands."""

import re
from collections.abc import Sequence
from inspect import Parameter
from pathlib import Path

from cyclopts import App

_KEY = re.compile(r"[A-Za-z_][\w.-]*=")
_END = "--"
_INSTEAD = {"--help", "-h", "--version"}  # words that are answered before any command is parsed


def settings_last(app: App, arguments: Sequence[str]) -> list[str]:
    """Move all settings behind the options, where no option takes them for its own value.

    So ``--target a.mp4 training.steps=20`` has one target, and the recipe may come after a setting. Three kinds of
    words stay: the value of an option that takes a fixed number of values, a path that exists, and everything after
    ``--``. Nothing is moved for a command that takes no settings.

    Args:
        app: the command line.
        arguments: the arguments after ``davsn``.
    """
    if _INSTEAD & set(arguments) or not any(map(_is_setting, arguments)):
        return list(arguments)
    commands, apps, words = app.parse_commands(arguments)
    if apps[-1].default_command is None:
        return list(arguments)
    options = apps[-1].assemble_argument_collection()
    if not any(option.field_info.kind is Parameter.VAR_POSITIONAL for option in options):
        return list(arguments)
    counts = {
        name: 0 if option.parameter.consume_multiple else option.token_count()[0]
        for option in options
        for name in option.names
    }
    end = words.index(_END) if _END in words else len(words)
    kept, settings, owed = [], [], 0
    for word in words[:end]:
        if owed:
            owed -= 1
        elif _is_setting(word):
            settings.append(word)
            continue
        else:
            owed = counts.get(word, 0)
        kept.append(word)
    return [*commands, *kept, _END, *settings, *words[end + 1 :]] if settings else list(arguments)


def _is_setting(word: str) -> bool:
    return _KEY.match(word) is not None and not Path(word).exists()
