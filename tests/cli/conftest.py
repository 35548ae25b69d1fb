"""The command line as a person calls it: a process for what only a process shows, a call for the rest."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
import yaml
from PIL import Image

from davsn.cli import main
from tiny_recipe import RECIPE


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(name="davsn")
def _davsn(capsys, monkeypatch):
    """Calls a command in a folder; gives its exit code and what it printed."""
    monkeypatch.setenv("COLUMNS", "100")

    def call(place, *arguments):
        monkeypatch.chdir(place)
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as ended:  # mistakes in the arguments themselves
            code = ended.code
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return Result(code or 0, printed.out, printed.err)

    return call


@pytest.fixture(name="process")
def _process():
    """Runs a command as a process of its own."""

    def run(place, *arguments):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
        command = [sys.executable, "-m", "davsn", *map(str, arguments)]
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=600)
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session", name="world")
def _world(tmp_path_factory) -> Path:
    """A folder with ``game`` and ``camera`` as davsn streets writes them, ``drive.mp4``, and ``tiny.yaml``."""
    place = tmp_path_factory.mktemp("place")
    for domain in ("game", "camera"):
        assert main(["streets", str(place / domain), "size=[64,32]", "clips=2", "length=4", f"domain={domain}"]) == 0
    (place / "tiny.yaml").write_text(yaml.safe_dump(RECIPE))
    with av.open(str(place / "drive.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        for path in sorted((place / "camera" / "frames").glob("*/*.png")):
            with Image.open(path) as frame:
                out.mux(stream.encode(av.VideoFrame.from_ndarray(np.array(frame), format="rgb24")))
        out.mux(stream.encode())
    return place


@pytest.fixture(scope="session", name="trained")
def _trained(world) -> Path:
    """The folder of a finished run of ``tiny.yaml``."""
    before = Path.cwd()
    os.chdir(world)
    try:
        assert main(["train", "tiny.yaml", "-o", "runs/tiny"]) == 0
    finally:
        os.chdir(before)
    return world / "runs" / "tiny"
