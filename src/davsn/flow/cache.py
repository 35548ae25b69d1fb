"""Estimated flow kept on disk, so that it is estimated once for all epochs and runs."""

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
_HEAD = 4  # bytes that say how long the facts are


class FlowCache:
    """Flow and masks by what they depend on: both frames' content, in this order, and the estimator with all it has.

    An entry begins with these facts in plain words, which are compared when it is read. So what another estimator made,
    another version of its weights, or of frames that have changed since, is as good as absent.

    Args:
        setting: which estimator, and whether there are masks.
        store: where.
        identity: the estimator's, where it is known already: with it, nothing here loads the estimator's weights.
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
        """The estimator's; see :meth:`FlowEstimator.identity`."""
        return self._facts["estimator"]

    @property
    def folder(self) -> Path:
        """Where the entries are."""
        return self._store.folder

    def get(self, a: Frame, b: Frame) -> Flow | None:
        """The flow a→b of two frames (H, W, 3), and where it can be trusted (None: everywhere); None if not kept."""
        facts = self._facts_of(a, b)
        content = self._store.get(identity(facts))
        if content is None:
            return None
        begin = _HEAD + int.from_bytes(content[:_HEAD], "little")
        if content[_HEAD:begin] != _written(facts):
            return None
        return decode(content[begin:], a.shape[:2])

    def put(self, a: Frame, b: Frame, flow: NDArray[np.floating], valid: NDArray[np.bool_] | None) -> tuple[Flow, bool]:
        """Keep a flow.

        Returns:
            what :meth:`get` will give for these frames, so that the epoch that fills the cache sees what later ones do;
            and whether there was room to keep it.

        Raises:
            FlowError: the flow holds values that are no motion, such as NaN.
        """
        facts = self._facts_of(a, b)
        head = _written(facts)
        content = len(head).to_bytes(_HEAD, "little") + head + encode(flow, valid)
        kept = self._store.put(identity(facts), content)
        return (rounded(flow), valid), kept

    def is_whole(self, of: str) -> bool:
        """Whether :meth:`whole` was said of something; of frames that changed since, it may not be true any more."""
        return self._store.get(identity(self._facts, "whole", of)) is not None

    def whole(self, of: str) -> None:
        """Note that all flow of something is here, so that nobody has to read all of its frames to find that out."""
        self._store.put(identity(self._facts, "whole", of), b"whole")

    def _facts_of(self, a: Frame, b: Frame) -> dict[str, str]:
        height, width = a.shape[:2]
        return {**self._facts, "size": f"{width}x{height}", "a": _content(a), "b": _content(b)}


def _written(facts: Mapping[str, str]) -> bytes:
    return json.dumps(facts, sort_keys=True).encode()


def _content(frame: Frame) -> str:
    return hashlib.blake2b(np.ascontiguousarray(frame).data, digest_size=20).hexdigest()
