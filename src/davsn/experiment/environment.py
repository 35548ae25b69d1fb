"""Where a run was trained: machine, versions and commit, as a report shows them."""

import json
import platform
import subprocess
from pathlib import Path

import torch

import davsn
from davsn.core.files.writing import replacing

_WAIT = 5.0
"""Seconds after which git is not waited for any more."""


def environment(device: torch.device | str = "cpu") -> dict[str, str]:
    """Describe this machine and these versions, as plain data.

    Args:
        device: the device that is computed on.
    """
    kind = torch.device(device).type
    name = torch.cuda.get_device_name(device) if kind == "cuda" else f"{kind}, {torch.get_num_threads()} threads"
    found = {
        "davsn": davsn.__version__,
        "commit": commit_of(Path(davsn.__file__).parent),
        "Python": platform.python_version(),
        "PyTorch": torch.__version__,
        "machine": f"{platform.machine()}, {platform.system()}",
        "device": name,
    }
    return {key: value for key, value in found.items() if value}


def commit_of(package: Path) -> str:
    """Return the commit of a package's source, with "and changes" if files differ from it; empty if there is none.

    A package that is installed inside a repository of something else has no commit of its own.
    """
    if not _git(package, "ls-files", "__init__.py"):
        return ""
    commit = _git(package, "rev-parse", "HEAD")
    return f"{commit} and changes" if commit and _git(package, "status", "--porcelain", ".") else commit


def write_environment(file: Path, device: torch.device | str) -> None:
    """Write :func:`environment` as JSON."""
    with replacing(file) as temporary:
        temporary.write_text(json.dumps(environment(device), indent=1) + "\n", encoding="utf-8")


def read_environment(file: Path) -> dict[str, str]:
    """Read what :func:`write_environment` wrote; empty for a run that has no such file."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in content.items()} if isinstance(content, dict) else {}


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_WAIT, check=False)
    except (OSError, subprocess.SubprocessError):  # git is not installed, or does not answer
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
