"""``mode: faithful``: the settings that make a method compute what the public code computes (docs/parity.md)."""

import json
from collections.abc import Mapping
from typing import Any

from davsn.core.errors import ConfigError
from davsn.core.plugins import find
from davsn.core.settings import opened, override
from davsn.data.dataset import VideoDataset
from davsn.learning.method import Method


def with_faithful(values: dict[str, Any]) -> dict[str, Any]:
    """Add the faithful settings of a recipe's method to the recipe. Settings that the recipe states have priority.

    Args:
        values: the content of a recipe, not validated yet; it is returned unchanged if its method is not found.
    """
    try:
        preset = find(Method, str(opened(values.get("method")).get("name"))).faithful
    except ConfigError:
        return values  # the validation reports it, with all other mistakes
    missing = [key for key in preset if not _states(values, key) and _concerns(values, key)]
    return override(values, [f"{key}={json.dumps(preset[key])}" for key in missing])


def _concerns(values: Mapping[str, Any], dotted: str) -> bool:
    """Whether the recipe can have a setting; some settings of the target exist only for some data sets."""
    part, _, key = dotted.partition(".")
    if part != "target":
        return True
    try:
        return key in find(VideoDataset, str(opened(values.get(part)).get("name"))).Config.model_fields
    except ConfigError:
        return False


def _states(values: Any, dotted: str) -> bool:
    for key in dotted.split("."):
        if isinstance(values, str):  # the short form 'method: da_vsn'
            return False
        if not isinstance(values, Mapping):  # a mistake, which the validation reports
            return True
        if key not in values:
            return False
        values = values[key]
    return True
