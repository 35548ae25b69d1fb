"""The setting ``flow`` of a data set in a recipe, such as ``dis``, or ``raft_large, checked, cached``."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import torch
from pydantic import ValidationInfo, create_model, model_serializer, model_validator

from davsn.core.errors import ConfigError, did_you_mean
from davsn.core.plugins import find
from davsn.core.settings import Settings, validate
from davsn.flow.estimator import FlowEstimator

OWN = frozenset({"exact", "stored"})
"""The names that stand for the data set's own flow."""
DEFAULT = "dis"


class Ways(Settings):
    """The options that every estimator has; their names are the words of the short form."""

    cached: bool = False
    """Keep the flow on disk: it is estimated once, and read in every later epoch and run."""
    checked: bool = False
    """Estimate flow in both directions, and trust only pixels where the two agree."""


_WORDS = tuple(Ways.model_fields)


class FlowSetting(Ways):
    """The choice of flow. In a recipe it is a name, a name and words, or a mapping with the estimator's own options.

    ``dis`` · ``raft_large, cached`` · ``{name: dis, preset: fast, checked: true}`` · ``stored`` · ``./mine.py``
    """

    name: str = DEFAULT
    """'exact' or 'stored' for the data set's own flow; otherwise an estimator's name, or the path of your own."""
    options: Settings = Settings()
    """The estimator's settings."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str):
            value = _from_text(value)
        elif isinstance(value, Mapping) and not isinstance(value.get("options"), Settings):
            name = value.get("name", DEFAULT)
            if not isinstance(name, str):
                raise ValueError(f"the name of a flow estimator must be text, but got {name!r}")
            value = {**_from_text(name), **{key: item for key, item in value.items() if key != "name"}}
        elif not isinstance(value, FlowSetting | Mapping):
            raise ValueError(f"should be a name such as '{DEFAULT}', or a name and options, but got {value!r}")
        else:
            return value
        return _with_options(value, paths=bool((info.context or {}).get("paths")))

    @model_serializer
    def _plain(self) -> str | dict[str, Any]:
        """The short form where it is enough, so that settings saved before options existed compare equal."""
        default = {key: field.get_default(call_default_factory=True) for key, field in _fields(self.options).items()}
        told = {key: getattr(self.options, key) != usual for key, usual in default.items()}
        options = {key: item for key, item in self.options.model_dump(mode="json").items() if told[key]}
        words = [word for word in _WORDS if getattr(self, word)]
        return (
            {"name": self.name, **options, **dict.fromkeys(words, True)} if options else ", ".join([self.name, *words])
        )

    def __str__(self) -> str:
        plain = self._plain()
        return plain if isinstance(plain, str) else json.dumps(plain).replace('"', "")

    @property
    def own(self) -> bool:
        """Whether this is the data set's own flow, which is not estimated."""
        return self.name in OWN

    @property
    def on_device(self) -> bool:
        """Whether a neural network estimates the flow; see :attr:`FlowEstimator.on_device`."""
        return not self.own and self._estimator().on_device

    def build(self) -> FlowEstimator:
        """Build the estimator. Equal settings share one estimator.

        Raises:
            ConfigError: this is the data set's own flow.
            CheckpointError, FlowError: the weights cannot be used.
        """
        if self.own:
            raise ConfigError(
                f"flow: {self}", [f"'{self.name}' is a data set's own flow. Name an estimator such as dis"]
            )
        return _made(self._estimator(), self.options.model_dump_json())

    def _estimator(self) -> type[FlowEstimator]:
        return find(FlowEstimator, self.name)


@lru_cache(4)
def _made(estimator: type[FlowEstimator], options: str) -> FlowEstimator:
    # A network draws random weights first, even if it is then given others. The run's random numbers must not depend
    # on when that happens. The weights must not be inference tensors, which only inference mode can use.
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False):
        return estimator(estimator.Config.model_validate_json(options))


def _from_text(text: str) -> dict[str, Any]:
    """Parse ``name, word, word`` into a mapping."""
    name, *words = (word.strip() for word in text.split(","))
    mistakes = []
    for word in words:
        if word not in _WORDS:
            known = f"(allowed after the name: {', '.join(_WORDS)})"
            mistakes.append(f"unknown word '{word}'.{did_you_mean(word, _WORDS)} {known}")
    if mistakes:
        raise ConfigError(f"flow: {text}", mistakes)
    return {"name": name, **dict.fromkeys(words, True)}


def _with_options(values: Mapping[str, Any], paths: bool) -> dict[str, Any]:
    """Separate the estimator's own settings from the common ones; all mistakes in both are reported at once."""
    values = dict(values)
    name = values.pop("name")
    own = Settings if name in OWN else find(FlowEstimator, name).Config
    both = _with_ways(own)  # one class with both, so that all mistakes are found at once
    read: Any = validate(both, values, name, paths)
    ways = {word: getattr(read, word) for word in _WORDS}
    if name in OWN and any(ways.values()):
        used = " and ".join(word for word in _WORDS if ways[word])
        raise ConfigError(name, [f"'{name}' is the data set's own flow and is never {used}. Write flow: {name} alone"])
    return {"name": name, "options": own(**{key: getattr(read, key) for key in _fields(own)}), **ways}


@lru_cache(16)
def _with_ways(own: type[Settings]) -> type[Settings]:
    return cast(type[Settings], create_model("Options", __base__=(Ways, own)))


def _fields(settings: Settings | type[Settings]) -> Mapping[str, Any]:
    return (settings if isinstance(settings, type) else type(settings)).model_fields
