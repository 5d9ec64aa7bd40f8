"""Softmax, and losses that are a mean over pixels or values."""

import torch
from segmentation_models_pytorch.losses._functional import softmax_focal_loss_with_logits
from torch.nn import functional as F

from .case import Case, given, labels, nchw, nhwc, normal


def softmax(x):
    return torch.softmax(x, -1)


def log_softmax(x):
    return torch.log_softmax(x, -1)


def cross_entropy(logits, labels, class_weights=None, ignore_index=255, label_smoothing=0.0):
    return F.cross_entropy(
        nchw(logits),
        labels.long(),
        weight=class_weights,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    )


def counted(logits, labels, ignore_index):
    """The rows of pixels that count, and their labels."""
    keep = labels != ignore_index
    return logits[keep], labels[keep].long()


def weighted_mean(losses, labels, class_weights):
    weights = torch.ones_like(losses) if class_weights is None else class_weights[labels]
    return (weights * losses).sum() / weights.sum()


def focal_loss(logits, labels, class_weights=None, ignore_index=255, gamma=2.0):
    rows, labels = counted(logits, labels, ignore_index)
    losses = softmax_focal_loss_with_logits(rows, labels, gamma, reduction=None)
    return weighted_mean(losses, labels, class_weights)


def ohem_cross_entropy(logits, labels, threshold, min_kept, class_weights=None, ignore_index=255):
    rows, labels = counted(logits, labels, ignore_index)
    losses = F.cross_entropy(rows, labels, reduction="none")
    hard = (losses.exp().reciprocal() < threshold).nonzero().flatten()
    if len(hard) < min_kept:
        hard = losses.topk(min(min_kept, len(losses))).indices
    return weighted_mean(losses[hard], labels[hard], class_weights)


def binary_cross_entropy(logits, labels, pos_weight=None, ignore_index=255):
    labels = labels.reshape(logits.shape)
    keep = labels != ignore_index
    if pos_weight is not None:
        pos_weight = pos_weight.expand(logits.shape)[keep]
    return F.binary_cross_entropy_with_logits(
        logits[keep], labels[keep].to(logits.dtype), pos_weight=pos_weight
    )


def weighted_sum(*values, weights):
    return sum(w * v for w, v in zip(weights, values))


def deep_supervision(*outputs, labels, weights, align_corners=False):
    total = 0
    for weight, logits in zip(weights, outputs):
        resized = F.interpolate(
            nchw(logits), labels.shape[1:], mode="bilinear", align_corners=align_corners
        )
        total = total + weight * cross_entropy(nhwc(resized), labels)
    return total


def cases():
    for op, run in {"softmax": softmax, "log_softmax": log_softmax}.items():
        yield Case(op, "image", run, {"x": (2, 3, 4, 5)})
        yield Case(op, "21_classes", run, {"x": normal(7, 21, deviation=3)})
        yield Case(op, "far_apart", run, {"x": normal(5, 17, deviation=10)})
        yield Case(op, "one_row", run, {"x": (2,)})

    def of_labels(op, run):
        def case(variant, shape=(2, 4, 5, 6), weights=None, ignored=0.25, **attributes):
            ignore = attributes.get("ignore_index", 255)
            constants = {"labels": labels(shape[-1], *shape[:-1], ignored=ignored, ignore=ignore)}
            if weights:
                constants["class_weights"] = given(weights)
            inputs = {"logits": normal(*shape, deviation=2)}
            return Case(op, variant, run, inputs, attributes, constants)

        return case

    weights = [1.0, 0.5, 2.0, 0.1, 1.5, 0.7]
    entropy = of_labels("cross_entropy", cross_entropy)
    yield entropy("plain", ignored=0)
    yield entropy("ignoring_pixels", (1, 6, 7, 21))
    yield entropy("ignoring_a_class", ignore_index=2)
    yield entropy("class_weights", weights=weights)
    yield entropy("label_smoothing", label_smoothing=0.1)
    yield entropy("class_weights_and_label_smoothing", weights=weights, label_smoothing=0.2)
    yield entropy("rows", (9, 3))

    focal = of_labels("focal_loss", focal_loss)
    yield focal("plain", ignored=0)
    yield focal("ignoring_pixels", (1, 6, 7, 21))
    yield focal("gamma_0", gamma=0.0)
    yield focal("gamma_1.5_with_class_weights", weights=weights, gamma=1.5)
    yield focal("rows", (9, 3), gamma=5.0)

    ohem = of_labels("ohem_cross_entropy", ohem_cross_entropy)
    yield ohem("by_threshold", threshold=0.5, min_kept=3)
    yield ohem("by_number", threshold=0.01, min_kept=11)
    yield ohem("fewer_pixels_than_kept", threshold=0.01, min_kept=1000)
    yield ohem("class_weights", weights=weights, threshold=0.4, min_kept=5)

    def binary(variant, logits, truth, ignored=0.0, pos_weight=None, **attributes):
        ignore = attributes.get("ignore_index", 255)
        constants = {"labels": labels(2, *truth, ignored=ignored, ignore=ignore)}
        if pos_weight:
            constants["pos_weight"] = given(pos_weight)
        op, inputs = "binary_cross_entropy_with_logits", {"logits": normal(*logits, deviation=2)}
        return Case(op, variant, binary_cross_entropy, inputs, attributes, constants)

    yield binary("masks", (2, 4, 5, 1), (2, 4, 5))
    yield binary("several_labels", (2, 3, 4, 5), (2, 3, 4, 5))
    yield binary("ignoring_pixels", (1, 6, 7, 1), (1, 6, 7), ignored=0.3)
    pos_weight = [0.5, 3.0, 1.0]
    yield binary("pos_weight", (2, 3, 4, 3), (2, 3, 4, 3), ignored=0.2, pos_weight=pos_weight)
    yield binary("ignoring_minus_1", (9, 2), (9, 2), ignored=0.2, ignore_index=-1)

    for op, run in {"mse": F.mse_loss, "l1": F.l1_loss}.items():
        yield Case(op, "images", run, {"x": (2, 3, 5, 3), "target": (2, 3, 5, 3)})
        yield Case(op, "one_value", run, {"x": (1,), "target": (1,)})

    terms = {"a": (2, 3), "b": (2, 3), "c": (2, 3)}
    yield Case("weighted_sum", "of_3", weighted_sum, terms, {"weights": [1.0, 0.4, -2.0]})
    yield Case("weighted_sum", "of_a_scalar", weighted_sum, {"a": ()}, {"weights": [0.3]})

    outputs = {"main": (2, 6, 8, 4), "aux": (2, 3, 4, 4)}
    truth = {"labels": labels(4, 2, 6, 8, ignored=0.2)}
    for aligned in (False, True):
        attributes = {"weights": [1.0, 0.4], "align_corners": aligned}
        variant = "corners_aligned" if aligned else "with_aux"
        yield Case("deep_supervision", variant, deep_supervision, outputs, attributes, truth)
