"""The interface of every encoder: images in, features at several depths out. One file in ``encoders/`` is a family."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

from torch import Tensor, nn

from davsn.core.errors import ConfigError, did_you_mean
from davsn.core.files.tensors import State, load_state, of_network
from davsn.core.plugins import Plugin, available, find
from davsn.core.settings import Settings

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Encoder(nn.Module, Plugin, ABC, package="davsn.networks.encoders"):
    """Base class of families of encoders.

    Args:
        name: the encoder's name in a recipe: one of :meth:`names`, or the path of a user's own file.
        drop_path: the largest probability with which a residual branch is left out in training (stochastic depth).
        pretrained: whether to start from the weights of a hub; any error says that they cannot be had.

    Raises:
        ConfigError: the encoder does not take such settings.
    """

    Config = Settings
    channels: tuple[int, ...]
    """Channels of the features, from the finest to the deepest."""
    several_scales: bool = True
    """Whether the features are at several scales; those of a plain ViT have one."""
    multiple: int = 1
    """Frames are resized to a multiple of this many pixels a side before they pass."""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    """Mean of RGB in [0, 1] that is subtracted from the frames before they pass."""
    std: tuple[float, float, float] = IMAGENET_STD
    """Standard deviation by which the frames are divided then."""

    @abstractmethod
    def __init__(self, name: str, drop_path: float = 0.0, pretrained: bool = False) -> None:
        super().__init__()

    @classmethod
    def names(cls) -> Collection[str]:
        """The names of the family's encoders, in lower case; none for an encoder that is named by its file."""
        return ()

    @abstractmethod
    def forward(self, images: Tensor) -> list[Tensor]:
        """The features of images.

        Args:
            images: (B, 3, H, W), normalised by ``mean`` and ``std``; H and W are multiples of ``multiple``.

        Returns:
            features (B, channels[i], h_i, w_i), from the finest to the deepest.
        """

    def load(self, state: State, where: str) -> None:
        """Load the tensors of a weights file.

        Args:
            state: all tensors of the file.
            where: the file, named in the error.

        Raises:
            CheckpointError: names all tensors that are missing, unexpected or misshapen.
        """
        load_state(self, of_network(state, self.state_dict(), where), where)

    def layers(self) -> list[list[nn.Parameter]]:
        """The parameters by layer, from input to output; an empty list if the encoder does not tell its layers."""
        return []


def family_of(name: str) -> type[Encoder]:
    """The family of an encoder, by the encoder's name or the path of a user's own ``.py`` file.

    Raises:
        ConfigError: no such encoder (the message gives the nearest names), no such file, or a file without an encoder.
    """
    if name.endswith(".py"):
        return find(Encoder, name)
    families, known = available(Encoder), list[str]()
    for family in families.values():
        names = family.names()
        if name in names:
            return family
        known += names
    raise ConfigError(
        f"'{name}'",
        [
            f"there is no encoder '{name}'.{_suggested(name, known)} (families: {', '.join(families)}; or the path "
            "of your own .py file)"
        ],
    )


def _suggested(name: str, known: Sequence[str]) -> str:
    """A sentence with the name without its tag, the shortest known names that contain this one, or the nearest one."""
    stem = name.partition(".")[0]
    if stem != name and stem in known:
        return f" Did you mean '{stem}'?"
    within = sorted((each for each in known if name and name.lower() in each), key=lambda each: (len(each), each))
    return f" Did you mean {', '.join(within[:3])} …?" if within else did_you_mean(name, known)
