"""``davsn adapt``."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from davsn.cli.train import carry_out, recipe_values, train_in
from davsn.core.console import console
from davsn.core.errors import ConfigError
from davsn.core.plugins import choose, find
from davsn.core.settings import override
from davsn.data.footage import holds_videos
from davsn.experiment.experiment import load, needs_start
from davsn.learning.method import Method


def adapt_(
    *changes: str,
    source: Path,
    target: Annotated[list[Path], Parameter(consume_multiple=True, negative="")],
    classes: Path | None = None,
    validation: Path | None = None,
    method: str = "da_vsn",
    out: Annotated[Path, Parameter(alias="-o")] = Path("runs/adapt"),
) -> int:
    """Adapt a network from your labelled video to your unlabelled video.

    What comes of it is a run's folder, for davsn predict and davsn eval. A run that was stopped goes on when the
    same command is given again. A method that changes a trained network, such as batch_norm, gets one that was
    trained on the source alone, in OUT/source_only, unless start=... names another.

    Try:

        davsn adapt --source game --target drive1.mp4 drive2.mp4

        davsn adapt --source game --target camera --validation camera_val training.steps=4000 -o runs/longer

        davsn adapt --source game --target drive1.mp4 --method batch_norm

    Parameters
    ----------
    changes:
        Further settings, key=value; davsn adapt starts from the recipe 'adapt'.
    source:
        The labelled folder: frames/CLIP/NAME.jpg, labels/CLIP/NAME.png, classes.yaml.
    target:
        A folder of frames, or video files (mp4, mov, mkv, avi, webm) or folders of them.
    classes:
        The class table; without it, classes.yaml in the source's folder.
    validation:
        A labelled folder of the target domain, scored at the end; never trained on.
    method:
        How to adapt (davsn list methods). It has its own defaults, but for settings that the recipe states and it has.
    out:
        The run's folder.
    """
    values = override(recipe_values("adapt"), [])
    values["method"] = _method(values["method"], method)
    values["source"] |= {"root": source, "classes": classes}
    values["target"] = _target(values["target"], target)
    values = override(values, list(changes))
    if validation is not None:
        scored = {"root": validation, "classes": classes or source / "classes.yaml", "missing": "repeat"}
        values["validation"] = {"target": {"name": "folder", "size": values["target"].get("size"), **scored}}
    if values.get("start") is None and _needs_start(values["method"]):
        first = load({**values, "name": "source_only", "method": "source_only"}, where="davsn adapt")
        if not train_in(first, out / "source_only"):
            console.print(f"Stopped and saved in {out}. The same command goes on from there.")
            return 130
        values["start"] = out / "source_only"
    return carry_out(load(values, where="davsn adapt"), out)


def _method(of_recipe: dict[str, Any], name: str) -> dict[str, Any]:
    """The chosen method with those of the recipe's options that it has too, such as small discriminators."""
    try:
        known = find(Method, name).Config.model_fields
    except ConfigError:  # which loading the settings tells, with all other mistakes
        known = {}
    return {"name": name, **{key: value for key, value in of_recipe.items() if key in known}}


def _needs_start(method: Any) -> bool:
    try:
        return needs_start(choose(Method, method, paths=False)) is not None
    except ValueError:  # which loading the settings tells, with all other mistakes
        return False


def _target(values: dict[str, Any], paths: list[Path]) -> dict[str, Any]:
    """The target's settings: a folder of frames, or videos."""
    if any(path.is_file() or holds_videos(path) for path in paths):
        kept = {key: value for key, value in values.items() if key in ("size", "mirror", "colour", "flow")}
        return {"name": "video", "paths": paths, **kept}
    if len(paths) > 1:
        raise ConfigError("davsn adapt", ["--target  takes one folder of frames, or any number of videos"])
    return {**values, "root": paths[0]}
