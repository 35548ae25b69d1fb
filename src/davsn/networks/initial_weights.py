"""The initial weights of an encoder: from the hub, a file, an installed package, or random.

A hub that is out of reach is noticed in two seconds. Its client alone would retry for a minute.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, Literal, TypeVar

from huggingface_hub import constants, get_session
from torch import nn

from davsn.core.console import say
from davsn.core.errors import CheckpointError
from davsn.networks.imagenet import ENCODER, PACKAGE, installed_weights
from davsn.networks.weights import State, load_state, of_network, read_state

InitialWeights = Literal["random", "hub", "auto", "installed"] | Path | None
"""Where an encoder's initial weights come from; the settings of a network say what each value means."""

Module = TypeVar("Module", bound=nn.Module)

_log = logging.getLogger(__name__)
_HUB_WAIT = 2.0
"""Seconds to wait for the hub's answer before it counts as out of reach."""
_SLOWER = "so training is slower and learns less"


def started(
    make: Callable[..., Module], load: Callable[[Module, State, str], None], name: str, weights: InitialWeights
) -> Module:
    """Build an encoder and load its initial weights.

    Args:
        make: builds the encoder with random weights, or with ``pretrained=True`` with those of the hub.
        load: loads the tensors of a file into the encoder; its third argument names the file in errors.
        name: the encoder's name, for messages.
        weights: see :data:`InitialWeights`.

    Raises:
        CheckpointError: the weights cannot be downloaded or read, or do not fit.
    """
    if weights == "installed":
        return _from_package(make, load, name, f"The encoder '{name}' starts")
    if weights in ("hub", "auto"):
        try:
            pretrained: Module = _from_hub(make)
            return pretrained
        except Exception as error:  # the hub's client can fail in many ways
            failure = f"The pretrained weights of '{name}' could not be downloaded ({type(error).__name__})"
        if weights == "hub":
            raise CheckpointError(
                f"{failure}. Connect to the internet, give a weights file (weights: FILE.safetensors), or start from "
                "random weights (weights: random)"
            )
        return _from_package(make, load, name, f"{failure}. The encoder starts")
    if weights == "random":
        _log.warning("The encoder '%s' starts from random weights, %s", name, _SLOWER)
    encoder = make()
    if isinstance(weights, Path):
        load(encoder, read_state(weights), str(weights))
    return encoder


def _from_package(
    make: Callable[..., Module], load: Callable[[Module, State, str], None], name: str, starts: str
) -> Module:
    """Build an encoder with the weights of an installed package, or else with random weights and a warning."""
    encoder = make()
    if (installed := installed_weights(name)) is not None:
        say(f"{starts} from the ImageNet weights in the package {PACKAGE}")
        load(encoder, installed, PACKAGE)
        return encoder
    other = f". The package {PACKAGE} has weights for it (docs/weights.md)" if name == ENCODER else ""
    _log.warning("%s from random weights, %s%s", starts, _SLOWER, other)
    return encoder


def load_timm(encoder: nn.Module, state: State, where: str) -> None:
    """Load the state of a classifier of timm into an encoder; what belongs to the classifier alone is left out.

    timm calls some stages ``stages_0`` in an encoder and ``stages.0`` in the classifier.

    Args:
        encoder: the network that timm builds for features.
        state: the tensors of the file.
        where: the file, named in the error.

    Raises:
        CheckpointError: names all missing and misshapen tensors.
    """
    names = {flat(name): name for name in encoder.state_dict()}
    found = of_network(state, names, where, flat)
    load_part(encoder, {names.get(flat(name), name): tensor for name, tensor in found.items()}, where)


def load_part(encoder: nn.Module, state: State, where: str, names: Mapping[str, str] | None = None) -> None:
    """Load the state of a whole network into its encoder; what else the network has, such as a classifier, is left out.

    Args:
        encoder: the module.
        state: tensors of the file; others are left out if all of the encoder are there.
        where: the file, named in the error.
        names: the encoder's name of each tensor → its name in the file; None: they are the same.

    Raises:
        CheckpointError: names all missing and misshapen tensors, and the nearest of the others.
    """
    wanted = set(encoder.state_dict() if names is None else names.values())
    whole = wanted <= state.keys()
    load_state(encoder, {name: tensor for name, tensor in state.items() if name in wanted or not whole}, where, names)


def flat(name: str) -> str:
    """A tensor's name in the spelling that timm's encoders and classifiers share."""
    return name.replace(".", "_")


def _from_hub(make: Callable[..., Any]) -> Any:
    """Build the encoder with weights from the hub, or from the hub's cache on this machine."""
    set_offline = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = set_offline or not _hub_answers()  # otherwise its client retries for a minute
    try:
        return make(pretrained=True)
    finally:
        constants.HF_HUB_OFFLINE = set_offline


def _hub_answers() -> bool:
    """Whether the hub answers within :data:`_HUB_WAIT`, name service included, which a client's timeout leaves out."""
    answers: Queue[bool] = Queue()
    Thread(target=lambda: answers.put(_asked()), daemon=True).start()
    try:
        return answers.get(timeout=_HUB_WAIT)
    except Empty:
        return False


def _asked() -> bool:
    try:
        get_session().head(constants.ENDPOINT, timeout=_HUB_WAIT)
    except Exception:  # no name service, no route, a proxy's refusal …
        return False
    return True
