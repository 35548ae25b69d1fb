"""Parts found by the names of their files, ours and the user's."""

import importlib
import pickle
import pkgutil
import subprocess
import sys

import pytest

from davsn.api.listing import KINDS, base_of
from davsn.core.errors import ConfigError
from davsn.core.plugins import available, described, find, name_of
from davsn.data.dataset import VideoDataset
from davsn.flow.estimator import FlowEstimator
from davsn.learning.method import Method
from davsn.methods.da_vsn import DaVsn
from davsn.networks.encoder import Encoder
from davsn.networks.head import Head
from davsn.networks.image_network import ImageNetwork
from davsn.scoring.metric import Metric

MINE = """
from davsn.methods.source_only import SourceOnly
from davsn.core.settings import Settings

class _Hidden(SourceOnly):
    pass

class Mine(SourceOnly):
    class Config(Settings):
        weight: float = 2.0
"""


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (Method, {"da_vsn", "source_only"}),
        (ImageNetwork, {"deeplab", "light"}),
        (VideoDataset, {"folder", "video", "streets"}),
        (FlowEstimator, {"dis", "flownet2", "raft_large", "raft_small", "zero"}),
        (Metric, {"miou", "consistency", "tc", "vc", "flicker", "calibration"}),
    ],
)
def test_every_file_of_a_kinds_folder_is_a_plugin_of_its_name(kind, names):
    plugins = available(kind)
    assert names <= set(plugins)
    assert list(plugins) == sorted(plugins)
    files = {module.name for module in pkgutil.iter_modules(importlib.import_module(kind.package).__path__)}
    assert files == set(plugins)  # a helper in the folder would be no plug-in
    for name, plugin in plugins.items():
        assert find(kind, name) is plugin
        assert name_of(plugin) == name
        assert plugin.Config is not None


def test_every_kind_can_be_listed():
    assert {base_of(name) for name in KINDS} == {
        Method,
        ImageNetwork,
        Encoder,
        Head,
        VideoDataset,
        FlowEstimator,
        Metric,
    }
    assert {base_of(name).package for name in KINDS} == {
        "davsn.methods",
        "davsn.networks.image",
        "davsn.networks.encoders",
        "davsn.networks.heads",
        "davsn.data.sets",
        "davsn.flow.estimators",
        "davsn.scoring.metrics",
    }


@pytest.mark.parametrize("name", KINDS)
def test_what_is_read_off_the_files_is_what_the_classes_say(name):
    read, imported = described(KINDS[name].package), available(base_of(name))
    assert KINDS[name].package == base_of(name).package
    assert list(read) == list(imported)
    for plugin, description in read.items():
        assert description.about == imported[plugin].__doc__.splitlines()[0]
        assert description.texts.items() <= vars(imported[plugin]).items()
    if name == "methods":
        assert all(description.texts.keys() >= {"paper", "when"} for description in read.values())


def test_finding_a_part_imports_no_other():
    code = "import sys; from davsn.core.plugins import find; from davsn.flow.estimator import FlowEstimator; "
    code += "find(FlowEstimator, 'dis'); sys.exit('torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # RAFT's takes two seconds


@pytest.mark.parametrize("name", ["base", "files", "neural", "raft", "flownet2.stacks"])
def test_a_helper_is_no_part(name):
    with pytest.raises(ConfigError, match=f"there is no FlowEstimator '{name}'"):
        find(FlowEstimator, name)


def test_an_unknown_name_is_answered_with_the_nearest_and_all_there_are():
    with pytest.raises(ConfigError) as error:
        find(Method, "davsn")
    (mistake,) = error.value.mistakes
    assert mistake.startswith("there is no Method 'davsn'. Did you mean 'da_vsn'? (there are: ")
    assert mistake.endswith("or the path of your own .py file)")


def test_a_users_file_is_a_part(tmp_path):
    path = tmp_path / "my_own_method.py"
    path.write_text(MINE)
    mine = find(Method, str(path))
    assert mine.__name__ == "Mine"
    assert mine.Config().weight == 2.0
    assert find(Method, str(path)) is mine  # one class, however often it is looked for
    assert pickle.loads(pickle.dumps(mine)) is mine  # as a loader process wants it


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("absent_part", None, "there is no file {path}. Give the path of a .py file that defines a Method"),
        ("empty_part", "x = 1\n", "{path} defines no Method. Define one class that inherits davsn's Method"),
        ("broken_part", "x = 1\ny = 1 / 0\n", "{path} cannot be imported: ZeroDivisionError in line 2: division by"),
        ("unreadable_part", "def f(:\n", "{path} cannot be imported: SyntaxError: "),
        ("json", MINE, "{path} has the name of another module ("),
    ],
)
def test_a_users_file_that_is_no_part(tmp_path, name, content, text):
    path = tmp_path / f"{name}.py"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError) as error:
        find(Method, str(path))
    assert error.value.mistakes[0].startswith(text.format(path=path))


def test_a_part_that_a_file_only_imports_is_not_its_own():
    assert find(Method, "da_vsn") is DaVsn
    assert all(name_of(part) == name for name, part in available(Method).items())
