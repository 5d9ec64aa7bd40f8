"""The networks of bench_step in PyTorch: equal layers, equal numbers of parameters."""

import dataclasses
import pathlib
import sys
from typing import Callable

import torch
from torch import nn


def double_conv(i, o):
    return nn.Sequential(
        nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True),
        nn.Conv2d(o, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


class UNet(nn.Module):
    """Same padding, batch norm, transposed convolutions: the network of `--model unet`."""

    def __init__(self, classes, width, depth=4):
        super().__init__()
        w = [width << i for i in range(depth + 1)]
        self.down = nn.ModuleList([double_conv(3 if i == 0 else w[i - 1], w[i]) for i in range(depth + 1)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(w[i + 1], w[i], 2, 2) for i in range(depth)])
        self.merge = nn.ModuleList([double_conv(2 * w[i], w[i]) for i in range(depth)])
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        skips = []
        for i, block in enumerate(self.down):
            x = block(x if i == 0 else nn.functional.max_pool2d(x, 2))
            skips.append(x)
        for i in reversed(range(len(self.up))):
            x = self.merge[i](torch.cat([skips[i], self.up[i](x)], 1))
        return self.head(x)


class DeepLabV3(nn.Module):
    """torchvision's, without auxiliary head."""

    def __init__(self, classes):
        super().__init__()
        from torchvision.models.segmentation import deeplabv3_resnet50  # only where it is asked for
        self.model = deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=classes,
                                        aux_loss=False)

    def forward(self, x):
        return self.model(x)["out"]


def paper_models():
    """The models that the tests' fixtures come from; needs torchvision."""
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "reference"))
    import paper_models
    return paper_models


class PspNet(nn.Module):
    """The authors' PSPNet50, without auxiliary head."""

    def __init__(self, classes):
        super().__init__()
        self.model = paper_models().PaperPspNet(classes, aux=False)

    def forward(self, x):
        return self.model(x)[0]


@dataclasses.dataclass
class Entry:
    """A network with the batch that it is measured on."""
    make: Callable[[int], nn.Module]  # from the number of classes
    batch: int = 2
    size: int = 256
    classes: int = 34


MODELS = {
    "unet-w64": Entry(lambda classes: UNet(classes, 64)),
    "deeplabv3-resnet50": Entry(DeepLabV3),
    "pspnet-resnet50": Entry(PspNet, size=257),
    "pspnet-keras": Entry(lambda outputs: paper_models().KerasPspNet(outputs), classes=3),
}
