"""``davsn streets``."""

from pathlib import Path
from typing import Literal

from davsn.core.console import progress, say
from davsn.core.settings import override, validate
from davsn.data.export import Benchmark
from davsn.data.export.writing import write
from davsn.data.sets.streets import Streets


def streets_(folder: Path, *changes: str, layout: Literal["folder"] | Benchmark = "folder") -> None:
    """Write the embedded world to disk, by default as a labelled folder: frames/, labels/, classes.yaml.

    Try:

        davsn streets game

        davsn streets camera domain=camera split=val clips=4 length=60 size=[512,256]

        davsn streets VIPER --layout viper

    Parameters
    ----------
    folder:
        Where to write.
    changes:
        Settings of the world, key=value: domain (game or camera), classes (viper, synthia or vkitti2), split, clips,
        length, size, seed, gap, rate.
    layout:
        folder, or a published data set: its folders, names and ids, with exact flow in files as it has them.
    """
    config = validate(Streets.Config, override({}, list(changes)), "davsn streets")
    dataset = Streets(config)
    with progress("drawing", config.clips * config.length) as report:
        write(dataset, folder, lambda done, total: report(done), None if layout == "folder" else layout)
    say(f"{config.clips} clips of {config.length} frames: {folder}")
