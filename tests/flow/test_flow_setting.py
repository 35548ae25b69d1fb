"""The flow setting: every form that a recipe may have, its mistakes, and that it survives being written down."""

import json
import os

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from davsn.core.errors import ConfigError
from davsn.core.plugins import available
from davsn.core.settings import Settings, validate
from davsn.experiment.experiment import dump, load
from davsn.experiment.trained import _without_data
from davsn.flow.estimator import FlowEstimator
from davsn.flow.estimators.dis import Dis
from davsn.flow.setting import OWN, FlowSetting


class Holder(Settings):
    flow: FlowSetting


def read(value, **options):
    return validate(Holder, {"flow": value}, "the recipe", **options).flow


def mistakes(value):
    with pytest.raises(ConfigError) as caught:
        read(value)
    return "\n".join(caught.value.mistakes)


@pytest.fixture(name="mine")
def _mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "import torch\n"
        "from davsn.flow.estimators.zero import Zero\n"
        "from davsn.core.settings import Settings\n\n\n"
        "class Mine(Zero):\n"
        "    class Config(Settings):\n"
        "        strength: int = 3\n\n"
        "    def __init__(self, config):\n"
        "        super().__init__(config)\n"
        "        self.weight = torch.rand(3)\n"
    )
    return path


@pytest.mark.parametrize(
    ("value", "name", "options", "cached", "checked"),
    [
        ("dis", "dis", {"preset": "medium"}, False, False),
        ("zero", "zero", {}, False, False),
        ("exact", "exact", {}, False, False),
        ("stored", "stored", {}, False, False),
        ("dis, cached", "dis", {"preset": "medium"}, True, False),
        ("dis,checked ,cached", "dis", {"preset": "medium"}, True, True),
        ({"name": "dis", "preset": "fast"}, "dis", {"preset": "fast"}, False, False),
        ({"name": "dis, checked", "preset": "fast", "cached": True}, "dis", {"preset": "fast"}, True, True),
        ({"cached": True}, "dis", {"preset": "medium"}, True, False),
    ],
)
def test_every_form_is_read(value, name, options, cached, checked):
    setting = read(value)
    assert (setting.name, setting.options.model_dump(), setting.cached, setting.checked) == (
        name,
        options,
        cached,
        checked,
    )
    assert setting.own == (name in OWN)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("diss", "flow  there is no FlowEstimator 'diss'. Did you mean 'dis'?"),
        (
            "dis, cachd",
            "flow  unknown word 'cachd'. Did you mean 'cached'? (allowed after the name: cached, checked)",
        ),
        (
            {"name": "dis", "prset": "fast"},
            "flow.prset  unknown key. Did you mean 'preset'? (known: preset, cached, checked)",
        ),
        ({"name": "dis", "cashed": True}, "flow.cashed  unknown key. Did you mean 'cached'?"),
        ({"name": "dis", "preset": "best"}, "flow.preset  input should be 'ultrafast', 'fast' or 'medium'"),
        ("exact, cached", "'exact' is the data set's own flow and is never cached. Write flow: exact alone"),
        ({"name": "stored", "checked": True}, "'stored' is the data set's own flow and is never checked"),
        (3, "flow  should be a name such as 'dis', or a name and options, but got 3"),
        ({"name": 3}, "flow  the name of a flow estimator must be text, but got 3"),
        ("./none.py", "there is no file none.py. Give the path of a .py file that defines a FlowEstimator"),
    ],
)
def test_a_mistake_says_where_and_what_instead(value, text):
    assert text in mistakes(value)


def test_all_mistakes_of_a_mapping_come_at_once():
    found = mistakes({"name": "dis", "preset": "best", "cached": "perhaps", "strong": 1})
    assert all(f"flow.{key}  " in found for key in ("preset", "cached", "strong"))


ESTIMATORS = sorted(available(FlowEstimator))
OPTIONS = {"dis": st.fixed_dictionaries({}, optional={"preset": st.sampled_from(["ultrafast", "fast", "medium"])})}
WORDS = {"cached": st.booleans(), "checked": st.booleans()}
FORMS = st.sampled_from(ESTIMATORS).flatmap(
    lambda name: st.builds(
        lambda words, options: {"name": name, **words, **options},
        st.fixed_dictionaries({}, optional=WORDS),
        OPTIONS.get(name, st.just({})),
    )
)


@settings(deadline=None, max_examples=50)
@given(st.one_of(FORMS, st.sampled_from(sorted(OWN))))
def test_what_is_written_down_gives_the_same_setting(value):
    setting = read(value)
    plain = Holder(flow=setting).model_dump(mode="json")
    for back in (json.loads(json.dumps(plain)), yaml.safe_load(yaml.safe_dump(plain))):
        assert validate(Holder, back, "written down").flow == setting
    assert validate(Holder, yaml.safe_load(f"flow: {setting}"), "what messages tell").flow == setting


@pytest.mark.parametrize("text", ["dis", "exact", "stored", "zero", "dis, cached", "dis, cached, checked"])
def test_the_short_form_stays_short_so_that_older_runs_compare_equal(text):
    assert Holder(flow=text).model_dump(mode="json") == {"flow": text}


def test_settings_with_the_short_form_take_options_on_the_command_line():
    recipe = {
        "source": {"name": "streets", "flow": "dis, checked"},
        "network": "deeplab",
        "method": "source_only",
    }
    experiment = load(recipe, ["source.flow.preset=fast", "source.flow.cached=true"])
    assert dump(experiment)["source"]["flow"] == {"name": "dis", "preset": "fast", "cached": True, "checked": True}
    assert load(dump(experiment)) == experiment
    assert dump(load({**recipe, "source": "streets"}))["source"]["flow"] == "dis"


def test_options_reach_the_estimator_and_equal_settings_share_one():
    fast = read({"name": "dis", "preset": "fast"}).build()
    assert isinstance(fast, Dis)
    assert fast.config.preset == "fast"
    assert read({"name": "dis", "preset": "fast", "cached": True}).build() is fast
    assert read("dis").build() is not fast


def test_the_data_sets_own_flow_is_not_built():
    with pytest.raises(ConfigError, match=r"'exact' is a data set's own flow\. Name an estimator such as dis"):
        read("exact").build()


def test_building_draws_no_random_number_of_the_run(mine):
    before = torch.get_rng_state()
    built = read({"name": str(mine), "strength": 5}).build()
    assert torch.equal(torch.get_rng_state(), before)
    assert built.config.strength == 5


def test_an_estimator_built_while_predicting_is_of_use_in_training(mine):
    with torch.inference_mode():
        built = read(str(mine)).build()
    assert not built.weight.is_inference()


@pytest.mark.parametrize("form", ["{}", "{}, cached", "{} ,checked", {"name": "{} , cached", "strength": 1}])
def test_a_checkpoint_runs_no_estimator_without_leave(mine, form, monkeypatch):
    monkeypatch.chdir(mine.parent)
    name = f"./{mine.name}"
    flow = form.format(name) if isinstance(form, str) else {**form, "name": form["name"].format(name)}
    saved = {"source": {"name": "streets", "flow": flow}, "network": "deeplab", "method": "source_only"}
    with pytest.raises(Exception, match=r"needs code that is no part of davsn: .*mine\.py"):
        _without_data(saved, mine, own_code=False)
    assert os.path.basename(_without_data(saved, mine, own_code=True).source.settings.flow.name) == "mine.py"
