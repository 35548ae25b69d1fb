"""A cache of estimated flow on disk, so that each flow is estimated once for all epochs and runs."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davsn.core.cache import Store, identity
from davsn.flow.consistency import RULE
from davsn.flow.files.coding import STEPS, decode, encode, rounded
from davsn.flow.files.io import Flow
from davsn.flow.setting import FlowSetting

Frame = NDArray[np.uint8]
_HEAD = 4  # bytes that hold the length of the facts


class FlowCache:
    """A cache of flow and valid masks. The key is the content of both frames, in order, and the estimator's identity.

    Each entry begins with these facts as text, and :meth:`get` compares them. So an entry is ignored if it comes from
    another estimator, from other weights, or from frames that have changed since.

    Args:
        setting: the estimator, and whether flow is checked and so has a mask.
        store: where the entries are kept.
        identity: the estimator's identity, if it is already known. The cache then never loads the estimator's weights.
    """

    def __init__(self, setting: FlowSetting, store: Store, identity: str | None = None) -> None:
        self._store = store
        self._facts = {
            "flow": "from a to b on the pixels of a; x right, y down",
            "unit": f"1/{STEPS} pixel",
            "estimator": setting.build().identity() if identity is None else identity,
            "trusted": RULE if setting.checked else "everywhere",
        }

    @property
    def identity(self) -> str:
        """The estimator's identity; see :meth:`FlowEstimator.identity`."""
        return self._facts["estimator"]

    @property
    def folder(self) -> Path:
        """The folder of the entries."""
        return self._store.folder

    def get(self, a: Frame, b: Frame) -> Flow | None:
        """The flow a→b of two frames (H, W, 3) and its valid mask (None: all valid); None if not in the cache."""
        facts = self._facts_of(a, b)
        content = self._store.get(identity(facts))
        if content is None:
            return None
        begin = _HEAD + int.from_bytes(content[:_HEAD], "little")
        if content[_HEAD:begin] != _written(facts):
            return None
        return decode(content[begin:], a.shape[:2])

    def put(self, a: Frame, b: Frame, flow: NDArray[np.floating], valid: NDArray[np.bool_] | None) -> tuple[Flow, bool]:
        """Store a flow and its valid mask.

        Returns:
            the flow and mask that :meth:`get` will return for these frames, so that the epoch that fills the cache
            sees the same values as later epochs; and whether there was room to store them.

        Raises:
            FlowError: the flow holds values that are not finite or too large.
        """
        facts = self._facts_of(a, b)
        head = _written(facts)
        content = len(head).to_bytes(_HEAD, "little") + head + encode(flow, valid)
        kept = self._store.put(identity(facts), content)
        return (rounded(flow), valid), kept

    def is_whole(self, of: str) -> bool:
        """Whether :meth:`whole` has marked ``of`` as complete. It may be outdated if frames have changed since."""
        return self._store.get(identity(self._facts, "whole", of)) is not None

    def whole(self, of: str) -> None:
        """Mark the flow of ``of`` as complete, so that later checks need not read all of its frames."""
        self._store.put(identity(self._facts, "whole", of), b"whole")

    def _facts_of(self, a: Frame, b: Frame) -> dict[str, str]:
        height, width = a.shape[:2]
        return {**self._facts, "size": f"{width}x{height}", "a": _content(a), "b": _content(b)}


def _written(facts: Mapping[str, str]) -> bytes:
    return json.dumps(facts, sort_keys=True).encode()


def _content(frame: Frame) -> str:
    return hashlib.blake2b(np.ascontiguousarray(frame).data, digest_size=20).hexdigest()
