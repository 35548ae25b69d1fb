"""A network, batches and a trainer small enough to train in a moment, with all the state that real ones have."""

from dataclasses import replace

import torch
from torch import nn

from davsn.core.clip import Batch, ClipSpec, Levels
from davsn.core.settings import Settings
from davsn.networks.image_network import ImageNetwork
from davsn.networks.video import VideoSegmenter
from davsn.training import checkpoint
from davsn.training.loop import Trainer, optimisation_of
from davsn.training.optimisation import OptimiserSettings
from davsn.training.settings import TrainingSettings

CLASSES = 3
LABELLED = ClipSpec((0, -1), ((0, -1),), labels=True)
UNLABELLED = ClipSpec((0, -1), ((0, -1),))


class Tiny(ImageNetwork):
    """Two convolutions, dropout and batch normalisation: all the state a real network has."""

    Config = Settings

    def __init__(self, config=None, num_classes=CLASSES):
        super().__init__(config, num_classes)
        self.num_classes = num_classes
        self.conv = nn.Conv2d(3, 4, 3, stride=4, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.2)
        self.main = nn.Conv2d(4, num_classes, 1)
        self.aux = nn.Conv2d(4, num_classes, 1)

    feature_channels = 4

    def forward(self, images):
        return self.with_features(images)[0]

    def with_features(self, images):
        features = self.drop(self.norm(self.conv(images)).relu())
        return Levels(self.classify(features), self.aux(features)), features

    def classify(self, features):
        return self.main(features)

    def groups(self):
        backbone = [*self.conv.parameters(), *self.norm.parameters()]
        return {"backbone": backbone, "classifier": [*self.main.parameters(), *self.aux.parameters()]}


def batch(step, spec, size=(40, 48)):
    """Two random samples that hold exactly what is asked for."""
    generator = torch.Generator().manual_seed(2 * step + spec.labels)
    frames = {offset: torch.rand(2, 3, *size, generator=generator) for offset in spec.frames}
    flows = {pair: torch.randn(2, 2, *size, generator=generator) for pair in spec.flows}
    labels = torch.randint(0, CLASSES, (2, *size), generator=generator) if spec.labels else None
    return Batch(frames, flows, labels=labels, names=(f"clip/{step}a", f"clip/{step}b"))


def single(method, source, target):
    """The batches without previous frames and flows, as a network of single frames is given them."""

    def current(batch):
        return batch and replace(batch, frames={0: batch.current} if batch.frames else {}, flows={})

    return current(source), target if method.target_motion else current(target)


def config_of(method):
    """The settings of a method, with narrow discriminators: as wide as by default, they take most of a tiny step."""
    fields = getattr(method.Config, "model_fields", ())
    return method.Config(**{"discriminator_width": 8} if "discriminator_width" in fields else {})


def trainer_of(method, seed=0, propagation="warp", image=Tiny, rates=None, device="cpu", **settings):
    """A trainer of a method on the tiny network, or on what ``image`` builds; the seed is that of all weights."""
    checkpoint.seed_everything(seed)
    made = method(config_of(method), VideoSegmenter(image(), propagation))
    training = TrainingSettings(**{"steps": 12, "save_every": 4, "log_every": 3, **settings})
    chosen = OptimiserSettings(learning_rate=0.01, **(rates or {}))
    return Trainer(made, optimisation_of(made, chosen, training), training, torch.device(device))


def weights(trainer):
    """All tensors of all parts by name."""
    return {f"{name}/{key}": value for name, part in trainer.parts.items() for key, value in part.state_dict().items()}


def leaves(tree, name=""):
    """What nested dictionaries and lists hold in the end, by path."""
    if isinstance(tree, dict | list | tuple):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return {path: leaf for key, value in items for path, leaf in leaves(value, f"{name}/{key}").items()}
    return {name: tree}


def same(one, other):
    """Whether two leaves are equal, bit for bit."""
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other
