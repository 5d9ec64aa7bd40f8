"""Sums and means."""

import torch

from .case import Case, normal


def cases():
    for op, run in {"sum": torch.sum, "mean": torch.mean}.items():
        yield Case(op, "image", run, {"x": (2, 3, 5, 7)})
        yield Case(op, "one_value", run, {"x": (1,)})
        yield Case(op, "a_thousand_values", run, {"x": normal(1001, mean=1)})
