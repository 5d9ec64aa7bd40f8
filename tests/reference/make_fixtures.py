#!/usr/bin/env python3
"""Writes tests/fixtures/: what PyTorch computes for calls that the C++ tests make as well.

    python3 tests/reference/make_fixtures.py             # all files
    python3 tests/reference/make_fixtures.py convolution # one

Needs torch 2, torchvision, numpy, safetensors and segmentation-models-pytorch. A run gives
the same bytes as the one before with the same packages on the same machine; elsewhere PyTorch's own
last bits may differ.

models.safetensors holds what fixture_cases/models.py says. A file of ops holds for each case, under "<op>/<variant>/":
    inputs/<name>      what is differentiated: f32, so that both precisions see the same numbers
    constants/<name>   labels, class weights, running statistics before the call
    dy                 the cotangent, f32
    out, gradients/<name>, after/<name>
                       the results in f64: value, gradients, constants that the call changed
All tensors have this project's layout: images NHWC, weights [Cout,Kh,Kw,Cin/groups], those of
transposed convolutions [Cin,Kh,Kw,Cout/groups]. The metadata holds one JSON text:
    {"packages": {<name>: <version>},
     "cases": {"<op>/<variant>": {"attributes": {...}, "f32_errors": {<tensor>: ...}}}}
where f32_errors are PyTorch's own errors in f32 against f64: relative, in the L2 norm.
"""

import importlib
import importlib.metadata
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file

FAMILIES = (  # modules of fixture_cases; each makes the file of its name
    "arithmetic",
    "convolution",
    "fusion",
    "loss",
    "matmul",
    "models",
    "normalization",
    "optimizers",
    "pointwise",
    "pooling",
    "reduction",
    "region_loss",
    "resize",
    "schedules",
    "shape",
)
PACKAGES = ("torch", "torchvision", "segmentation-models-pytorch")
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "fixtures"


def write(family):
    tensors, described = {}, {}
    for case in importlib.import_module(f"fixture_cases.{family}").cases():
        if case.name in described:
            raise ValueError(f"two cases are called {case.name}")
        values, described[case.name] = case.record()
        tensors.update({f"{case.name}/{key}": value for key, value in values.items()})
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    text = json.dumps({"packages": versions, "cases": described}, sort_keys=True)
    path = FOLDER / f"{family}.safetensors"
    save_file(tensors, path, metadata={"fixtures": text})
    print(f"{path.stat().st_size:8d} bytes, {len(described):3d} cases: {path.name}")


if __name__ == "__main__":
    families = sys.argv[1:] or FAMILIES
    if not set(families) <= set(FAMILIES):
        sys.exit(f"expected some of: {' '.join(FAMILIES)}")
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    for family in families:
        write(family)
