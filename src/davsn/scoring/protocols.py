"""Protocols of evaluation by name: which pixels count, at which size a network sees a frame, and through which window.

docs/evaluation.md compares them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from davsn.core.clip import IGNORE
from davsn.core.errors import ConfigError, did_you_mean
from davsn.core.plugins import Choice, find
from davsn.data.dataset import VideoDataset
from davsn.data.labels.taxonomy import Taxonomy
from davsn.networks.windows import Window


@dataclass(frozen=True)
class Protocol:
    """A protocol of evaluation.

    Attributes:
        name: its name.
        drops_unscored: whether a pixel is dropped if its label *or its prediction* is an unscored class.
        changes: settings of the data set that the protocol fixes, as far as a data set has them.
        window: the overlapping windows in which a network sees each frame, unless another window was asked for.
    """

    name: str
    drops_unscored: bool = False
    changes: Mapping[str, Any] = field(default_factory=dict)
    window: Window | None = None

    def key(self, name: str) -> str:
        """The name of a set's scores by this protocol, in files: that of the set, and of any but the published one."""
        return name if self == DAVSN else f"{name}_{self.name}"

    def data(self, part: Choice) -> Choice:
        """Change a data set to what the protocol fixes. A drawn data set keeps its size, at which it is drawn."""
        drawn = find(VideoDataset, part.name).draws_labels
        known = type(part.settings).model_fields.keys() - ({"size"} if drawn else set())
        changes = {key: value for key, value in self.changes.items() if key in known}
        return part.model_copy(update={"settings": part.settings.model_copy(update=changes)})

    def counted(self, labels: Tensor | None, prediction: Tensor, taxonomy: Taxonomy) -> Tensor | None:
        """The label maps with 255 wherever the protocol counts no pixel.

        Args:
            labels: (B, H, W) train ids, or None.
            prediction: (B, H, W) train ids.
            taxonomy: the class table, with the unscored classes.
        """
        if labels is None or not self.drops_unscored:
            return labels
        unscored = [index for index in range(len(taxonomy)) if index not in taxonomy.scored]
        ignored = torch.tensor(unscored, dtype=labels.dtype, device=labels.device)
        dropped = torch.isin(labels, ignored) | torch.isin(prediction.to(labels.dtype), ignored)
        return labels.masked_fill(dropped, IGNORE)


DAVSN = Protocol("davsn")
"""The published protocol of DA-VSN and the methods after it. It is the default."""
UNIFIED = Protocol(
    "unified", drops_unscored=True, changes={"size": None, "riders": "ignore"}, window=Window(1024, 1024, 0.5)
)
"""The protocol of UnifiedVideoDA (Kareer et al., TMLR 2024)."""
PROTOCOLS: Mapping[str, Protocol] = {each.name: each for each in (DAVSN, UNIFIED)}


def protocol_of(name: str) -> Protocol:
    """Find a protocol by name.

    Raises:
        ConfigError: there is no such protocol.
    """
    if name not in PROTOCOLS:
        known = ", ".join(PROTOCOLS)
        raise ConfigError(
            "--protocol", [f"there is no protocol '{name}'.{did_you_mean(name, PROTOCOLS)} (there are: {known})"]
        )
    return PROTOCOLS[name]
