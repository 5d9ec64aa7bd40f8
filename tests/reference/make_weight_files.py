#!/usr/bin/env python3
"""Writes tests/fixtures/weights/: files of torch.save, and what PyTorch finds in them.

    python3 tests/reference/make_weight_files.py

Needs torch 2, numpy and safetensors. expected.safetensors holds, under "<file>/<tensor>", every
value in f64 (u8 as it is) and PyTorch's order of dimensions. unet.pth is a small U-Net with the
names of milesial/Pytorch-UNet; expected.safetensors has an image and the logits for it, NCHW, in
evaluation.
The old form takes addresses for names, so its bytes differ from run to run.
"""

import collections
import pathlib
import zipfile

import torch
from safetensors.torch import save_file
from torch import nn

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "weights"
expected = {}


def save(name, obj, state, legacy=False):
    """Writes obj, and notes the tensors of `state` that a reader must find in it."""
    torch.save(obj, FOLDER / name, _use_new_zipfile_serialization=not legacy)
    note(name, state)


def note(name, state):
    for key, value in state.items():
        # A copy: what is expected shares no storage.
        dtype = torch.uint8 if value.dtype == torch.uint8 else torch.float64
        expected[f"{name}/{key}"] = value.detach().to(dtype).contiguous().clone()


def all_types():
    integers = [0, 1, -1, 100, -128, 127]
    half = [0.0, -0.0, 1.0, -2.5, 65504.0, 2.0**-14, 2.0**-24, -3 * 2.0**-24, 0.1]
    half += [float("inf"), float("-inf"), float("nan")]
    wide = half[:-3] + [1e-30, 3e38, float("inf"), float("nan")]
    return {
        "f64": torch.tensor([1 / 3, 1e300, -0.0], dtype=torch.float64),
        "f32": torch.tensor([[1 / 3, 1e30], [-1e-42, 7.0]]),
        "f16": torch.tensor(half, dtype=torch.float16),
        "bf16": torch.tensor(wide, dtype=torch.bfloat16),
        "i64": torch.tensor([2**52, -(2**52), 3]),
        "i32": torch.tensor([2**31 - 1, -(2**31)], dtype=torch.int32),
        "i16": torch.tensor([2**15 - 1, -(2**15), 5], dtype=torch.int16),
        "i8": torch.tensor(integers, dtype=torch.int8),
        "u8": torch.tensor([0, 1, 200, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(2.5),
        "steps": torch.tensor(7),
        "empty": torch.zeros(0, 4),
        "name with \"quotes\" and é": torch.tensor([1.0]),
    }


def views():
    base = torch.arange(120.0)
    half = torch.arange(-60, 60).to(torch.bfloat16)
    image = torch.randn(3, 4, 5, 6)
    long = (torch.arange(10000) % 251).to(torch.uint8)
    return {
        "base": base,
        "again": base,
        "tail": base[100:],
        "matrix": base[10:34].view(4, 6),
        "transposed": base[10:34].view(4, 6).t(),
        "every_third": base[2::3],
        "block": base.view(10, 12)[2:7, 3:9],
        "columns": base.view(10, 12)[:, 5:6],
        "permuted": base.view(2, 3, 4, 5).permute(3, 1, 0, 2),
        "steps": base.view(10, 12)[1::2, ::4],
        "expanded": base[5:8].view(3, 1).expand(3, 4),
        "one": base[119],
        "nothing": base[50:50],
        "half_transposed": half.view(10, 12).t(),
        "half_block": half.view(10, 12)[3:5, 7:],
        "channels_last": image.contiguous(memory_format=torch.channels_last),
        "long": long,
        "long_ends": long.view(2, 5000).t()[4990:],
    }


def network():
    net = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Linear(4, 2))
    net[1].running_mean.normal_()
    return net


def double_conv(cin, cout):
    layers = []
    for a, b in ((cin, cout), (cout, cout)):
        layers += [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
    return nn.Sequential(*layers)


class Block(nn.Module):
    """Children under the names that the U-Net of milesial gives them."""

    def __init__(self, **children):
        super().__init__()
        for name, child in children.items():
            setattr(self, name, child)


class UNet(nn.Module):
    def __init__(self, cin=3, classes=4, width=2):
        super().__init__()
        self.inc = Block(double_conv=double_conv(cin, width))
        self.down1 = Block(
            maxpool_conv=nn.Sequential(
                nn.MaxPool2d(2), Block(double_conv=double_conv(width, 2 * width))
            )
        )
        self.up1 = Block(
            up=nn.ConvTranspose2d(2 * width, width, 2, stride=2),
            conv=Block(double_conv=double_conv(2 * width, width)),
        )
        self.outc = Block(conv=nn.Conv2d(width, classes, 1))

    def forward(self, x):
        a = self.inc.double_conv(x)
        b = self.down1.maxpool_conv[1].double_conv(self.down1.maxpool_conv[0](a))
        x = torch.cat([a, self.up1.up(b)], 1)
        return self.outc.conv(self.up1.conv.double_conv(x))


def repack(source, target, **options):
    """Writes a zip archive again, in another form."""
    with zipfile.ZipFile(FOLDER / source) as old, zipfile.ZipFile(
        FOLDER / target, "w", **options
    ) as new:
        for entry in old.namelist():
            new.writestr(zipfile.ZipInfo(entry), old.read(entry), options.get("compression"))


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    for legacy in (False, True):
        form = "legacy" if legacy else "zip"
        types, seen = all_types(), views()
        save(f"{form}_types.pth", types, types, legacy)
        save(f"{form}_views.pth", collections.OrderedDict(seen), seen, legacy)

        net = network()
        optimizer = torch.optim.Adam(net.parameters())
        for p in net.parameters():
            p.grad = torch.randn_like(p)
        optimizer.step()
        wrapped = collections.OrderedDict(("module." + k, v) for k, v in net.state_dict().items())
        wrapped._metadata = net.state_dict()._metadata
        checkpoint = {
            "epoch": 12,
            "best": 0.5,
            "note": None,
            "done": [True, False, (1, 2, 3, 4), 70000, -70000, 2**40],
            "optimizer": optimizer.state_dict(),
            "state_dict": wrapped,
        }
        save(f"{form}_checkpoint.pth", checkpoint, net.state_dict(), legacy)
        save(f"{form}_nested.pth", {"model": {"state_dict": net.state_dict()}}, net.state_dict(), legacy)
        parameters = {k: v for k, v in net.named_parameters()}
        save(f"{form}_parameters.pt", {"ema": parameters, "step": 1}, parameters, legacy)

    repack("zip_views.pth", "deflated_views.pth", compression=zipfile.ZIP_DEFLATED)
    note("deflated_views.pth", seen_in("zip_views.pth"))
    # Every size and offset in its 64-bit form.
    zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = 0, 0
    repack("zip_checkpoint.pth", "zip64_checkpoint.pth", compression=zipfile.ZIP_STORED)
    note("zip64_checkpoint.pth", seen_in("zip_checkpoint.pth"))

    torch.serialization.set_crc32_options(False)
    types = all_types()
    save("without_crc.pth", types, types)
    torch.serialization.set_crc32_options(True)

    unet = UNet()
    for m in unet.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.running_mean.normal_(0, 0.3)
            m.running_var.uniform_(0.5, 2)
            m.weight.data.uniform_(0.5, 1.5)
            m.bias.data.normal_(0, 0.1)
    save("unet.pth", unet.state_dict(), unet.state_dict())
    image = torch.randn(1, 3, 8, 12)
    note("unet", {"image": image})
    with torch.no_grad():
        note("unet", {"logits": unet.double().eval()(image.double())})
    save_file(expected, FOLDER / "expected.safetensors")
    (FOLDER / "expected.safetensors").chmod(0o644)


def seen_in(name):
    prefix = name + "/"
    return {k[len(prefix) :]: v for k, v in expected.items() if k.startswith(prefix)}


if __name__ == "__main__":
    main()
