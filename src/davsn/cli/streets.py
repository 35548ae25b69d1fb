"""``davsn streets``."""

from pathlib import Path

from davsn.cli.console import console, progress
from davsn.data.streets import Streets
from davsn.data.streets.write import write
from davsn.settings import override, validate


def streets_(folder: Path, *changes: str) -> None:
    """Write the embedded world to disk as a labelled folder: frames/, labels/, classes.yaml.

    Try:

        davsn streets game

        davsn streets camera domain=camera split=val clips=4 length=60 size=[512,256]

    Parameters
    ----------
    folder:
        Where to write.
    changes:
        Settings of the world, key=value: domain (game or camera), classes (viper or synthia), split, clips,
        length, size, seed, gap, rate.
    """
    config = validate(Streets.Config, override({}, list(changes)), "davsn streets")
    dataset = Streets(config)
    with progress("drawing", config.clips * config.length) as report:
        write(dataset, folder, lambda done, total: report(done))
    console.print(f"{config.clips} clips of {config.length} frames: {folder}")
