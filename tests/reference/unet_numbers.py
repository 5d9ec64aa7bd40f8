#!/usr/bin/env python3
"""Prints tests/models/unet_reference_numbers.h: tiny U-Nets in PyTorch, float64.

    python3 tests/reference/unet_numbers.py > tests/models/unet_reference_numbers.h

Weights, images and cotangents come from counter formulas that the test computes as well, so the
header holds nothing but a few logits, norms and projections. Layouts are ours: NHWC images, OHWI
weights (IHWO for transposed convolutions).
"""

import torch
from torch import nn
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)


def double_conv(cin, mid, cout, pad, norm):
    layers = []
    for a, b in ((cin, mid), (mid, cout)):
        layers.append(nn.Conv2d(a, b, 3, padding=pad, bias=not norm))
        layers += [nn.BatchNorm2d(b)] if norm else []
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class UNet(nn.Module):
    def __init__(self, cin, classes, width, depth, valid, bilinear):
        super().__init__()
        pad, norm = (0, False) if valid else (1, True)
        c = [width << i for i in range(depth + 1)]
        half = 2 if bilinear else 1
        self.bilinear = bilinear
        self.down = nn.ModuleList([double_conv(cin, width, width, pad, norm)])
        for i in range(1, depth + 1):
            out = c[i] // half if i == depth else c[i]
            self.down.append(double_conv(c[i - 1], out, out, pad, norm))
        self.up = nn.ModuleList()
        for i in reversed(range(depth)):
            if bilinear:
                out = c[0] if i == 0 else c[i] // 2
                self.up.append(nn.ModuleList([double_conv(2 * c[i], c[i], out, pad, norm)]))
            else:
                self.up.append(
                    nn.ModuleList(
                        [
                            nn.ConvTranspose2d(c[i + 1], c[i], 2, stride=2),
                            double_conv(2 * c[i], c[i], c[i], pad, norm),
                        ]
                    )
                )
        self.out = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        x = self.down[0](x)
        skips = []
        for down in self.down[1:]:
            skips.append(x)
            x = down(F.max_pool2d(x, 2))
        for up in self.up:
            if self.bilinear:
                x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
            else:
                x = up[0](x)
            s = skips.pop()
            top, left = (s.shape[2] - x.shape[2]) // 2, (s.shape[3] - x.shape[3]) // 2
            s = s[:, :, top : top + x.shape[2], left : left + x.shape[3]]
            x = up[-1](torch.cat([s, x], 1))
        return self.out(x)


def to_ours(t):  # OIHW -> OHWI, IOHW -> IHWO, NCHW -> NHWC
    return t.permute(0, 2, 3, 1).contiguous() if t.dim() == 4 else t


def from_ours(t):
    return t.permute(0, 3, 1, 2).contiguous() if t.dim() == 4 else t


def run(name, valid, bilinear, height, width):
    net = UNet(3, 5, 4, 2, valid, bilinear)
    for p, (key, w) in enumerate(net.named_parameters()):
        ours = to_ours(w.data)
        wave = torch.sin(torch.arange(ours.numel()) + 1.0 + p).reshape(ours.shape)
        if ours.dim() == 4:
            wave = wave / (ours.shape[1] * ours.shape[2] * ours.shape[3]) ** 0.5
        elif key.endswith("weight"):
            wave = 1 + 0.1 * wave
        else:
            wave = 0.1 * wave
        w.data = from_ours(wave)
    n = 2 * height * width * 3
    x = torch.sin(0.1 * torch.arange(n)).reshape(2, height, width, 3)
    x = from_ours(x).requires_grad_()
    y = net(x)
    v = torch.cos(0.3 * torch.arange(y.numel()))
    ours = to_ours(y)
    (ours.flatten() * v).sum().backward()

    def project(t):
        t = to_ours(t.detach()).flatten()
        along = (t * torch.cos(torch.arange(t.numel()) + 1.0)).sum().item()
        return f"{{{along!r}, {t.norm().item()!r}}}"

    logits = project(y)
    pixel = ", ".join(repr(z) for z in ours[1, 2, 3].tolist())
    grads = ",\n      ".join(project(w.grad) for w in net.parameters())
    net.eval()
    print(
        f"""
inline const UNetNumbers {name}{{
    .height = {height},
    .width = {width},
    .logits = {logits},
    .pixel = {{{pixel}}},
    .eval_logits = {project(net(x))},
    .image_gradient = {project(x.grad)},
    .gradients = {{
      {grads}}}}};"""
    )


print(
    """#pragma once
// Written by tests/reference/unet_numbers.py with PyTorch in float64.
#include <cstdint>
#include <vector>

namespace pixelgrad {

struct Projection {
  double along;  ///< sum of x[i] cos(i + 1)
  double norm;
};

struct UNetNumbers {
  int64_t height, width;      ///< of the images
  Projection logits;          ///< in training mode
  std::vector<double> pixel;  ///< logits of image 1, row 2, column 3
  Projection eval_logits;     ///< after that one training step, with the running statistics
  Projection image_gradient;
  std::vector<Projection> gradients;  ///< of the parameters, in order
};"""
)
run("unet_same", False, False, 12, 16)
run("unet_valid", True, False, 44, 48)
run("unet_bilinear", False, True, 12, 16)
print("\n}  // namespace pixelgrad")
