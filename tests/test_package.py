"""The wheel: what is in it, and that it works where the sources are not."""

import os
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import davsn

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it

PROJECT = Path(__file__).parents[1]


def test_the_version_is_that_of_the_installed_package():
    assert davsn.__version__ == version("davsn")


def test_the_oldest_versions_are_the_lower_bounds():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = []
    for requirement in map(Requirement, [*project["dependencies"], *project["optional-dependencies"]["dev"]]):
        (lowest,) = (bound.version for bound in requirement.specifier if bound.operator == ">=")
        wanted.append(f"{requirement.name}=={lowest}")
    printed = subprocess.run(["sh", str(PROJECT / "scripts" / "oldest.sh"), "--print"], capture_output=True, text=True)
    assert printed.stdout.splitlines() == wanted, printed.stderr


@pytest.fixture(scope="module", name="wheel")
def _wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(PROJECT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.mark.slow
def test_the_wheel_holds_all_that_is_not_python_too(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = PROJECT / "src"
    wanted = {
        path.relative_to(sources).as_posix()
        for path in (sources / "davsn").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"davsn/py.typed", "davsn/recipes/adapt.yaml"} <= wanted
    assert {f"davsn/report/page.{ending}" for ending in ("html.jinja", "css", "js")} <= wanted
    assert wanted <= names
    assert not [name for name in names if not name.startswith(("davsn/", "davsn-"))]


@pytest.mark.slow
def test_the_wheel_installs_and_runs_where_the_sources_are_not(wheel, tmp_path):
    place = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(place), str(wheel)]
    done = subprocess.run(install, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    environment = {**os.environ, "PYTHONPATH": str(place), "OMP_NUM_THREADS": "1"}

    def run(*arguments):
        command = [sys.executable, *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)

    said = "import davsn.cli, importlib.metadata as m; print(davsn.__file__, m.distribution('davsn').locate_file(''))"
    where = run("-c", said)
    assert where.stdout.split() == [str(place / "davsn" / "__init__.py"), str(place)], where.stderr
    assert run("-m", "davsn", "--version").stdout.strip() == version("davsn")
    listed = run("-m", "davsn", "list", "recipes")
    assert "adapt" in listed.stdout, listed.stderr
    assert (place / "bin" / "davsn").is_file()
