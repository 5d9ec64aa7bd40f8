"""Softmax, and losses."""

import torch
from torch.nn import functional as F

from .case import Case, given, labels, normal


def softmax(x):
    return torch.softmax(x, -1)


def log_softmax(x):
    return torch.log_softmax(x, -1)


def cross_entropy(logits, labels, class_weights=None, ignore_index=255, label_smoothing=0.0):
    return F.cross_entropy(
        logits.movedim(-1, 1),
        labels.long(),
        weight=class_weights,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    )


def cases():
    for op, run in {"softmax": softmax, "log_softmax": log_softmax}.items():
        yield Case(op, "image", run, {"x": (2, 3, 4, 5)})
        yield Case(op, "21_classes", run, {"x": normal(7, 21, deviation=3)})
        yield Case(op, "far_apart", run, {"x": normal(5, 17, deviation=10)})
        yield Case(op, "one_row", run, {"x": (2,)})

    def entropy(variant, shape=(2, 4, 5, 6), weights=None, ignored=0.25, **attributes):
        ignore_index = attributes.get("ignore_index", 255)
        constants = {
            "labels": labels(shape[-1], *shape[:-1], ignored=ignored, ignore_index=ignore_index)
        }
        if weights:
            constants["class_weights"] = given(weights)
        inputs = {"logits": normal(*shape, deviation=2)}
        return Case("cross_entropy", variant, cross_entropy, inputs, attributes, constants)

    weights = [1.0, 0.5, 2.0, 0.1, 1.5, 0.7]
    yield entropy("plain", ignored=0)
    yield entropy("ignoring_pixels", (1, 6, 7, 21))
    yield entropy("ignoring_a_class", ignore_index=2)
    yield entropy("class_weights", weights=weights)
    yield entropy("label_smoothing", label_smoothing=0.1)
    yield entropy("class_weights_and_label_smoothing", weights=weights, label_smoothing=0.2)
    yield entropy("rows", (9, 3))

    yield Case("mse", "images", F.mse_loss, {"x": (2, 3, 5, 3), "target": (2, 3, 5, 3)})
    yield Case("mse", "one_value", F.mse_loss, {"x": (1,), "target": (1,)})
