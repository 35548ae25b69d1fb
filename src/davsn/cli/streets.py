"""``davsn streets``."""

from pathlib import Path

from davsn.api.streets import Layout, write_streets
from davsn.core.console import say


def streets_(folder: Path, *changes: str, layout: Layout = "folder") -> None:
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
    clips, length = write_streets(folder, changes, layout=layout)
    say(f"{clips} clips of {length} frames: {folder}")
