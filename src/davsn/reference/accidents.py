"""``mode: faithful``: the settings under which a method computes what the public code computes (docs/parity.md)."""

import json
from collections.abc import Mapping
from typing import Any

from davsn.core.errors import ConfigError
from davsn.core.plugins import find
from davsn.core.settings import opened, override
from davsn.data.dataset import VideoDataset
from davsn.learning.method import Method


def with_faithful(values: dict[str, Any]) -> dict[str, Any]:
    """A recipe's content with its method's faithful settings under those that it states itself.

    Args:
        values: of a recipe, not validated yet; one with a mistake in the way comes back as it is.
    """
    try:
        preset = find(Method, str(opened(values.get("method")).get("name"))).faithful
    except ConfigError:
        return values  # whose validation says so, with all other mistakes
    missing = [key for key in preset if not _states(values, key) and _concerns(values, key)]
    return override(values, [f"{key}={json.dumps(preset[key])}" for key in missing])


def _concerns(values: Mapping[str, Any], dotted: str) -> bool:
    """Whether a setting has a place; one of the target's may be what the public code does with its own files alone."""
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
        if not isinstance(values, Mapping):  # a mistake, to be left as it is for the validation to find
            return True
        if key not in values:
            return False
        values = values[key]
    return True
