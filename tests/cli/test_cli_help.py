"""What a person meets first: help that teaches, names answered with the nearest one, and exit codes."""

import pkgutil
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

import davsn.cli
from davsn.api.listing import base_of
from davsn.api.training import TrainedRun
from davsn.cli import APIS, COMMANDS
from davsn.cli.train import show
from davsn.core.plugins import find


def test_there_are_all_commands():
    assert set(COMMANDS) >= {"adapt", "train", "eval", "predict", "check", "streets", "list", "demo"}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_what_to_try(davsn, tmp_path, command):
    code, out, _ = davsn(tmp_path, command, "--help")
    assert code == 0
    assert "Try:" in out
    assert f"davsn {command}" in out.split("Try:")[1]  # an example
    assert "[Arguments]" not in out


def test_davsn_alone_says_where_to_begin(davsn, tmp_path):
    code, out, _ = davsn(tmp_path)
    assert code == 0
    for text in ("davsn demo", "davsn adapt --help", "davsn COMMAND --help", *COMMANDS):
        assert text in out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["trian"], "Unknown command"),
        (["train"], "requires an argument"),
        (["train", "adapt", "--nope"], "Unknown option"),
        (["list", "nope"], "Choose from"),
        (["predict", "a", "b"], "requires an argument"),
        (["adapt", "--source", "game"], "requires an argument"),
    ],
)
def test_arguments_that_cannot_be(davsn, tmp_path, arguments, text):
    code, out, err = davsn(tmp_path, *arguments)
    assert code == 2
    assert text in out + err


@pytest.mark.slow
def test_as_a_process(process, tmp_path):
    assert process(tmp_path, "--version") == (0, f"{version('davsn')}\n", "")
    code, out, err = process(tmp_path, "train", "adpat")
    assert (code, out) == (2, "")
    assert err.splitlines()[1].startswith("  no recipe of that name. Did you mean 'adapt'? (there are: adapt, ")


def test_a_recipe_is_shown_to_be_read_or_copied(davsn, tmp_path):
    code, out, _ = davsn(tmp_path, "list", "recipes", "da_vsn_viper")
    assert code == 0
    assert out.startswith("# DA-VSN, VIPER → Cityscapes-Seq")
    assert yaml.safe_load(out)["name"] == "da_vsn_viper"
    assert "Did you mean 'da_vsn_viper'?" in davsn(tmp_path, "list", "recipes", "da_vsn_vipr").err


@pytest.mark.parametrize(("kind", "name"), [("networks", "light"), ("data", "folder"), ("flow", "dis")])
def test_a_part_is_shown_with_all_its_settings(davsn, tmp_path, kind, name):
    code, out, _ = davsn(tmp_path, "list", kind, name)
    assert code == 0
    for setting, field in find(base_of(kind), name).Config.model_fields.items():
        assert f"{setting} = " in out
        assert " ".join(field.description.split())[:20] in " ".join(out.split())
    assert f"davsn list {kind} NAME: its settings" in davsn(tmp_path, "list", kind).out


NO_TORCH = """
import sys
from davsn.cli import COMMANDS, main
pages = [[name] for name in COMMANDS] + [["flow", name] for name in ("convert", "show", "measure")]
lists = [["list", kind] for kind in ("methods", "networks", "encoders", "heads", "data", "flow", "metrics", "recipes")]
for arguments in [[], ["--help"], ["--version"], ["list"], *lists, *([*page, "--help"] for page in pages)]:
    assert main(arguments) == 0, arguments
    assert not {"torch", "timm", "cv2"} & sys.modules.keys(), arguments
"""


def test_help_and_lists_import_no_torch():
    done = subprocess.run([sys.executable, "-c", NO_TORCH], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_api_of_every_command_is_known():
    files = {info.name for info in pkgutil.iter_modules(davsn.cli.__path__)} - {"words", "options"}
    assert files > COMMANDS.keys()
    for name in files:
        api = APIS.get(name, name)
        assert api is None or find_spec(f"davsn.api.{api}") is not None, name


def test_no_option_is_made_up_by_the_parser(davsn, tmp_path):
    for command in ("sweep", "adapt", "eval", "train", "predict", "flow"):
        code, out, _ = davsn(tmp_path, command, "--help")
        assert code == 0
        assert "--empty-" not in out, command


def test_a_folder_with_brackets_is_printed_as_it_is(capsys):
    assert show(TrainedRun("mine", Path("runs/[bold]mine"), finished=False)) == 130
    assert "runs/[bold]mine" in capsys.readouterr().out


def test_flow_says_what_each_of_its_commands_does(davsn, tmp_path):
    code, out, _ = davsn(tmp_path, "flow", "--help")
    assert code == 0
    for name in ("convert", "show", "measure"):
        (line,) = (line for line in out.splitlines() if line.strip("│ ").startswith(f"{name} "))
        assert len(line.split()) > 4, line
