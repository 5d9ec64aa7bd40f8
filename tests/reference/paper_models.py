"""Models of papers and tutorials, written in PyTorch for comparison of values, speed and memory: each
module called as in its authors' code, activations in place. Facts, no code, are theirs."""

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import Bottleneck


def resize(x, target, align_corners=True):
    return F.interpolate(x, target.shape[2:], mode="bilinear", align_corners=align_corners)


def conv_bn_relu(cin, cout, kernel, stride=1, dilation=1):
    pad = dilation * (kernel // 2)
    return [
        nn.Conv2d(cin, cout, kernel, stride, pad, dilation, bias=False),
        nn.BatchNorm2d(cout),
        nn.ReLU(inplace=True),
    ]


class PaperPspNet(nn.Module):
    """PSPNet50 of Zhao et al.: deep stem, stages 3 and 4 dilated throughout."""

    def __init__(self, classes, bins=(1, 2, 3, 6), aux=True):
        super().__init__()
        self.layer0 = nn.Sequential(
            *conv_bn_relu(3, 64, 3, stride=2),
            *conv_bn_relu(64, 64, 3),
            *conv_bn_relu(64, 128, 3),
            nn.MaxPool2d(3, 2, 1),
        )
        cin = 128
        for i, blocks in enumerate((3, 4, 6, 3)):
            width, stride, dilation = 64 << i, 2 if i == 1 else 1, (1, 1, 2, 4)[i]
            stage = []
            for b in range(blocks):
                shortcut = None
                if b == 0:
                    shortcut = nn.Sequential(
                        nn.Conv2d(cin, 4 * width, 1, stride, bias=False),
                        nn.BatchNorm2d(4 * width),
                    )
                stage.append(
                    Bottleneck(cin, width, stride if b == 0 else 1, shortcut, dilation=dilation)
                )
                cin = 4 * width
            setattr(self, f"layer{i + 1}", nn.Sequential(*stage))
        self.ppm = nn.Module()
        self.ppm.features = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(b), *conv_bn_relu(2048, 512, 1)) for b in bins
        )
        self.cls = self.head(4096, 512, classes)
        self.aux = self.head(1024, 256, classes) if aux else None

    @staticmethod
    def head(cin, mid, classes):
        return nn.Sequential(*conv_bn_relu(cin, mid, 3), nn.Dropout2d(0.1), nn.Conv2d(mid, classes, 1))

    def forward(self, image):
        third = self.layer3(self.layer2(self.layer1(self.layer0(image))))
        x = self.layer4(third)
        x = torch.cat([x] + [resize(level(x), x) for level in self.ppm.features], 1)
        return resize(self.cls(x), image), resize(self.aux(third), image) if self.aux else None


class SeparableConv(nn.Sequential):
    """Depthwise and pointwise convolution, each with batch norm and ReLU."""

    def __init__(self, cin, cout, dilation=1):
        super().__init__()
        depthwise = nn.Module()
        depthwise.add_module(
            "0", nn.Conv2d(cin, cin, 3, padding=dilation, dilation=dilation, groups=cin, bias=False)
        )
        depthwise.add_module("norm", nn.BatchNorm2d(cin))
        depthwise.add_module("1", nn.Conv2d(cin, cout, 1, bias=False))
        self.add_module("0", depthwise)
        self.add_module("1", nn.BatchNorm2d(cout))

    def forward(self, x):
        first = self[0]
        x = F.relu(first.norm(getattr(first, "0")(x)), inplace=True)
        return F.relu(self[1](getattr(first, "1")(x)), inplace=True)


class PaperDeepLabV3Plus(nn.Module):
    """DeepLabV3+ of Chen et al. on an encoder of SMP, at output stride 16."""

    def __init__(self, encoder, channels, classes):
        super().__init__()
        self.encoder = encoder
        deep, low = encoder.out_channels[-1], encoder.out_channels[2]
        aspp = nn.Module()
        aspp.convs = nn.ModuleList(
            [nn.Sequential(*conv_bn_relu(deep, channels, 1))]
            + [SeparableConv(deep, channels, rate) for rate in (6, 12, 18)]
            + [nn.Sequential(nn.AdaptiveAvgPool2d(1), *conv_bn_relu(deep, channels, 1))]
        )
        aspp.project = nn.Sequential(*conv_bn_relu(5 * channels, channels, 1))
        self.decoder = nn.Module()
        self.decoder.aspp = nn.ModuleList([aspp])
        self.decoder.block1 = nn.Sequential(*conv_bn_relu(low, 48, 1))
        self.decoder.block2 = SeparableConv(channels + 48, channels)
        self.decoder.block3 = SeparableConv(channels, channels)
        self.segmentation_head = nn.Sequential(nn.Conv2d(channels, classes, 1))

    def forward(self, image):
        features = self.encoder(image)
        x, aspp = features[-1], self.decoder.aspp[0]
        x = aspp.project(torch.cat([resize(branch(x), x) for branch in aspp.convs], 1))
        low = self.decoder.block1(features[2])
        x = torch.cat([resize(x, low), low], 1)
        x = self.decoder.block3(self.decoder.block2(x))
        return resize(self.segmentation_head(x), image)


class KerasPspNet(nn.Module):
    """The tutorials' PSPNet, with Keras's constants; the sigmoid is left to the loss."""

    def __init__(self, outputs=3):
        super().__init__()
        cin = 3
        for block, width in ((1, 32), (2, 64), (3, 128)):
            self.unit(f"block_{block}", "a", cin, width, 1)
            self.unit(f"block_{block}", "b", width, width, 3, dilation=2)
            self.unit(f"block_{block}", "c", width, 2 * width, 1)
            self.unit(f"block_{block}", "skip_conv", cin, 2 * width, 3)
            cin = 2 * width
        for color in ("red", "yellow", "blue", "green"):
            self.add_module(f"{color}_1_by_1", nn.Conv2d(cin, 64, 1))
        self.last_conv_3_by_3 = nn.Conv2d(cin + 256, outputs, 3, padding=1)
        self.last_conv_3_by_3_batch_norm = self.norm(outputs)

    @staticmethod
    def norm(channels):
        return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)

    def unit(self, block, name, cin, cout, kernel, dilation=1):
        pad = dilation * (kernel // 2)
        self.add_module(f"{block}_{name}", nn.Conv2d(cin, cout, kernel, 1, pad, dilation))
        self.add_module(f"{block}_batch_norm_{name}", self.norm(cout))

    def run_unit(self, block, name, x):
        conv, norm = getattr(self, f"{block}_{name}"), getattr(self, f"{block}_batch_norm_{name}")
        return norm(conv(x))

    def forward(self, x):
        for i in (1, 2, 3):
            block = f"block_{i}"
            y = F.leaky_relu(self.run_unit(block, "a", x), 0.2, inplace=True)
            y = F.leaky_relu(self.run_unit(block, "b", y), 0.2, inplace=True)
            y = self.run_unit(block, "c", y) + self.run_unit(block, "skip_conv", x)
            x = F.relu(y, inplace=True)
        parts = [x]
        for color, square in (("red", 0), ("yellow", 2), ("blue", 4), ("green", 8)):
            means = F.avg_pool2d(x, square) if square else x.mean((2, 3), keepdim=True)
            parts.append(resize(getattr(self, f"{color}_1_by_1")(means), x, align_corners=False))
        return self.last_conv_3_by_3_batch_norm(self.last_conv_3_by_3(torch.cat(parts, 1)))
