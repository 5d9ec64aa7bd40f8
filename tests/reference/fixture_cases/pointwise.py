"""Activations and arithmetic."""

import torch
from torch.nn import functional as F

from .case import Case, normal, spaced


def leaky_relu(x, slope):
    return F.leaky_relu(x, slope)


def scale(x, factor):
    return factor * x


def cases():
    yield Case("relu", "image", torch.relu, {"x": spaced(2, 3, 5, 3)})
    yield Case("relu", "17_values", torch.relu, {"x": (17,)})
    yield Case("leaky_relu", "slope_0.01", leaky_relu, {"x": spaced(2, 3, 5, 3)}, {"slope": 0.01})
    yield Case("leaky_relu", "slope_0.3", leaky_relu, {"x": (5, 7)}, {"slope": 0.3})
    yield Case("sigmoid", "image", torch.sigmoid, {"x": (2, 3, 5, 3)})
    yield Case("sigmoid", "saturated", torch.sigmoid, {"x": normal(41, deviation=12)})
    yield Case("scale", "up", scale, {"x": (2, 3, 5, 3)}, {"factor": -2.5})
    yield Case("scale", "a_scalar", scale, {"x": ()}, {"factor": 0.1})
    for op, run in {"add": torch.add, "mul": torch.mul}.items():
        yield Case(op, "images", run, {"a": (2, 3, 5, 3), "b": (2, 3, 5, 3)})
        yield Case(op, "scalars", run, {"a": (), "b": ()})
