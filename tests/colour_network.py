"""A network whose answer can be seen in its input: it says which of red, green and blue is strongest."""

import torch

from davsn.core.clip import Levels
from davsn.core.settings import Settings
from davsn.data.labels.taxonomy import Taxonomy
from davsn.networks.image_network import ImageNetwork
from davsn.networks.video import VideoSegmenter

TAXONOMY = Taxonomy(("red", "green", "blue"), ((255, 0, 0), (0, 255, 0), (0, 0, 255)))


class ColourNetwork(ImageNetwork):
    Config = Settings

    def __init__(self, sharpness=20.0):
        super().__init__(Settings(), 3)
        self.num_classes = 3
        self.sharpness = sharpness
        self.norm = torch.nn.BatchNorm2d(3)
        self.calls = 0

    def forward(self, images):
        self.calls += 1
        self.norm(images)
        return Levels(images * self.sharpness, images * self.sharpness)

    def groups(self):
        return {}


def colour_segmenter(sharpness=20.0, propagation="warp"):
    return VideoSegmenter(ColourNetwork(sharpness), propagation)
