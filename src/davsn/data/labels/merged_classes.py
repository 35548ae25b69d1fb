"""A class table of the user's own over known classes: it merges some, and drops those that it does not name."""

from pathlib import Path

from davsn.core.errors import ConfigError, did_you_mean
from davsn.core.settings import read_yaml
from davsn.data.labels.class_tables import CLASSES
from davsn.data.labels.taxonomy import Taxonomy, read_classes


def merged_classes(path: Path) -> tuple[Taxonomy, dict[str, str]]:
    """Read a class table, and which class of it each known class becomes.

    A class of the table is the known class of its name; with ``of``, it is all the known classes listed there. A rider
    counts as a person if the table has persons and says nothing of riders.

    Args:
        path: the class table, such as ``classes: [{name: vehicle, color: [0, 0, 142], of: [car, truck, bus]}, …]``.

    Returns:
        the class table, and the name of its class for each known class. A known class that is left out is not labelled.

    Raises:
        ConfigError: the file has mistakes, or names a class that is not known; names all of them.
    """
    taxonomy = read_classes(path)
    entries = read_yaml(path)["classes"]
    members = [(entry["name"], entry.get("of") or [entry["name"]]) for entry in entries]
    named = [(known, name) for name, several in members for known in several]
    mistakes = [
        f"classes  there is no drawn class '{known}'.{did_you_mean(known, CLASSES)} Say which classes "
        f"'{name}' is made of: of: [car, truck] (there are: {', '.join(CLASSES)})"
        for known, name in named
        if known not in CLASSES
    ]
    several = [known for known, _ in named]
    mistakes += [f"classes  '{known}' is in two classes" for known in sorted(set(several)) if several.count(known) > 1]
    if mistakes:
        raise ConfigError(str(path), mistakes)
    found = dict(named)
    if "person" in found:
        found.setdefault("rider", found["person"])
    return taxonomy, found
