"""Multi-level DeepLab-v2 on ResNet-101, the network of the published results, with the published tensor names."""

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from davsn.core.clip import Levels
from davsn.core.settings import Settings
from davsn.networks.image_network import ImageNetwork
from davsn.networks.weights import IMAGENET_NAME, load_imagenet, load_resnet, load_state, of_network, read_state
from davsn.ops.pictures import MEAN_BGR


class DeepLabSettings(Settings):
    """Settings of DeepLab-v2."""

    layers: tuple[int, int, int, int] = (3, 4, 23, 3)
    """Residual blocks in each of the four stages; the default is ResNet-101."""
    weights: Literal["random"] | Path = "random"
    """The initial weights: 'random', or a weights file. A name with DeepLab_resnet_pretrained_imagenet in it means the
    published ImageNet weights. Any other file must hold all weights of this network, or a ResNet of torchvision or timm
    with the same blocks."""


class DeepLab(ImageNetwork):
    """DeepLab-v2 with two classifiers, on stage 4 (main) and stage 3 (auxiliary), at 1/8 of the input.

    The ResNet is the one of Caffe: a block's stride is on its first 1×1 convolution, and max pooling rounds sizes up.
    Every batch normalisation has a frozen scale and shift. In training mode it still normalises by batch statistics
    and updates the running statistics, because the published networks were trained that way.

    Raises:
        CheckpointError: the weights cannot be read or do not fit.
    """

    Config = DeepLabSettings
    feature_channels = 2048

    def __init__(self, config: DeepLabSettings, num_classes: int) -> None:
        super().__init__(config, num_classes)
        self.num_classes = num_classes
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)
        self.layer1 = _stage(64, 64, config.layers[0])
        self.layer2 = _stage(256, 128, config.layers[1], stride=2)
        self.layer3 = _stage(512, 256, config.layers[2], dilation=2)
        self.layer4 = _stage(1024, 512, config.layers[3], dilation=4)
        self.layer5 = _Classifier(1024, num_classes)
        self.layer6 = _Classifier(2048, num_classes)
        self.register_buffer("mean", torch.tensor(MEAN_BGR).view(3, 1, 1), persistent=False)
        self._initialise()
        if isinstance(config.weights, Path):
            self._load(config.weights)

    def forward(self, images: Tensor) -> Levels:
        """The logits of both classifiers at 1/8 of the input; see :meth:`ImageNetwork.forward`."""
        return self.with_features(images)[0]

    def with_features(self, images: Tensor) -> tuple[Levels, Tensor]:
        """The logits and the features of stage 4; see :meth:`ImageNetwork.with_features`."""
        normalised = images.flip(1) * 255 - self.get_buffer("mean")
        stem = self.maxpool(self.relu(self.bn1(self.conv1(normalised))))
        middle = self.layer3(self.layer2(self.layer1(stem)))
        features = self.layer4(middle)
        aux = None if self.main_alone else self.layer5(middle)
        return Levels(main=self.classify(features), aux=aux), features

    def classify(self, features: Tensor) -> Tensor:
        """The main classifier's logits from features of stage 4; see :meth:`ImageNetwork.classify`."""
        logits: Tensor = self.layer6(features)
        return logits

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """The trainable parameters by role; batch normalisation is in no group. See :meth:`ImageNetwork.groups`."""
        heads = [*self.layer5.parameters(), *self.layer6.parameters()]
        known = {id(parameter) for parameter in heads}
        body = [p for p in self.parameters() if p.requires_grad and id(p) not in known]
        return {"backbone": body, "classifier": heads}

    def _load(self, path: Path) -> None:
        where, tensors = str(path), read_state(path)
        if IMAGENET_NAME in path.name:
            return load_imagenet(self, tensors, where)
        state = of_network(tensors, self.state_dict(), where)
        if any(name.startswith(("layer5.", "layer6.")) for name in state):
            return load_state(self, state, where)
        return load_resnet(self, state, where)

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, 0.01)  # biases keep torch's initialisation, as in the public code
            elif isinstance(module, nn.BatchNorm2d):
                module.requires_grad_(False)


class _Bottleneck(nn.Module):
    """A residual block; its parts have the published names."""

    def __init__(self, inputs: int, planes: int, stride: int = 1, dilation: int = 1, shortcut: bool = False) -> None:
        super().__init__()
        outputs = 4 * planes
        self.conv1 = nn.Conv2d(inputs, planes, 1, stride=stride, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))
            if shortcut
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        inner = self.relu(self.bn1(self.conv1(x)))
        inner = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(inner)))))
        shortcut = x if self.downsample is None else self.downsample(x)
        summed: Tensor = self.relu(inner + shortcut)
        return summed


class _Classifier(nn.Module):
    """A classifier with an atrous spatial pyramid: the sum of four 3×3 convolutions of increasing dilation."""

    def __init__(self, inputs: int, num_classes: int) -> None:
        super().__init__()
        self.conv2d_list = nn.ModuleList(
            nn.Conv2d(inputs, num_classes, 3, padding=dilation, dilation=dilation) for dilation in (6, 12, 18, 24)
        )

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self.conv2d_list
        logits: Tensor = first(x)
        for convolution in others:
            logits = logits + convolution(x)
        return logits


def _stage(inputs: int, planes: int, blocks: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    first = _Bottleneck(inputs, planes, stride, dilation, shortcut=True)
    return nn.Sequential(first, *(_Bottleneck(4 * planes, planes, 1, dilation) for _ in range(blocks - 1)))
