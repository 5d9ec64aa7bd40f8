"""Activations and elementary functions."""

import torch
from torch.nn import functional as F

from .case import Case, normal, spaced, uniform


def leaky_relu(x, slope):
    return F.leaky_relu(x, slope)


def gelu(x, mode):
    return F.gelu(x, approximate={"exact": "none", "tanh_approximation": "tanh"}[mode])


def softplus(x, beta=1, threshold=20):
    return F.softplus(x, beta, threshold)


def clamp(x, lowest=None, highest=None):
    return x.clamp(lowest, highest)


def cases():
    image, wide = {"x": (2, 3, 5, 3)}, {"x": normal(41, deviation=12)}

    yield Case("relu", "image", torch.relu, {"x": spaced(2, 3, 5, 3)})
    yield Case("relu", "17_values", torch.relu, {"x": (17,)})
    for slope in (0.01, 0.3):
        inputs = {"x": spaced(2, 3, 5, 3)}
        yield Case("leaky_relu", f"slope_{slope}", leaky_relu, inputs, {"slope": slope})
    yield Case("elu", "image", F.elu, image)
    yield Case("elu", "alpha_0.4", F.elu, {"x": normal(33, deviation=4)}, {"alpha": 0.4})
    for mode in ("exact", "tanh_approximation"):
        yield Case("gelu", mode, gelu, image, {"mode": mode})
        inputs = {"x": normal(41, deviation=3)}
        yield Case("gelu", f"{mode}_in_the_tails", gelu, inputs, {"mode": mode})
    yield Case("silu", "image", F.silu, image)
    yield Case("silu", "saturated", F.silu, wide)
    yield Case("hard_swish", "image", F.hardswish, {"x": normal(2, 3, 5, 3, deviation=3)})
    yield Case("hard_swish", "far_out", F.hardswish, wide)
    for op, run in {"sigmoid": torch.sigmoid, "tanh": torch.tanh}.items():
        yield Case(op, "image", run, image)
        yield Case(op, "saturated", run, wide)
    yield Case("softplus", "image", softplus, image)
    settings = {"beta": 2.5, "threshold": 8.0}
    yield Case("softplus", "over_the_threshold", softplus, {"x": normal(41, deviation=4)}, settings)
    yield Case("softplus", "saturated", softplus, {"x": normal(41, deviation=20)})

    positive = {"x": uniform(0.05, 4, 2, 3, 5, 3)}
    yield Case("exp", "image", torch.exp, image)
    yield Case("exp", "far_out", torch.exp, {"x": normal(33, deviation=6)})
    yield Case("log", "image", torch.log, positive)
    yield Case("log", "small_and_large", torch.log, {"x": lambda r: 10.0 ** r.uniform(-20, 20, 33)})
    yield Case("sqrt", "image", torch.sqrt, positive)
    yield Case(
        "sqrt", "small_and_large", torch.sqrt, {"x": lambda r: 10.0 ** r.uniform(-20, 20, 33)}
    )
    yield Case("abs", "image", torch.abs, {"x": spaced(2, 3, 5, 3)})
    yield Case("clamp", "both", clamp, image, {"lowest": -0.5, "highest": 0.75})
    yield Case("clamp", "from_below", clamp, image, {"lowest": 0.1})
    yield Case("clamp", "from_above", clamp, image, {"highest": 0.1})
