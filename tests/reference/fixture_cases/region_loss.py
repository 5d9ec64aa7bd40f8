"""Losses on regions, as segmentation_models.pytorch defines them."""

from unittest import mock

import torch
from segmentation_models_pytorch import losses as smp
from segmentation_models_pytorch.losses import lovasz

from .case import Case, given, labels, nchw, normal


def region_loss(loss):
    def run(logits, labels, class_weights=None, mean_over="all", **settings):
        present = [k for k in range(logits.shape[-1]) if (labels == k).any()]
        call = loss(
            "multiclass",
            classes=present if mean_over == "present" else None,
            class_weights=None if class_weights is None else class_weights.tolist(),
            ignore_index=settings.pop("ignore_index", 255),
            **settings,
        )
        return call(nchw(logits), labels.long())

    return run


def lovasz_softmax(
    logits, labels, class_weights=None, mean_over="present", per_image=False, ignore_index=255
):
    if per_image:
        losses = [
            lovasz_softmax(x[None], t[None], class_weights, mean_over, False, ignore_index)
            for x, t in zip(logits, labels)
        ]
        return sum(losses) / len(losses)
    p, labels = lovasz._flatten_probas(nchw(logits).softmax(1), labels, ignore=ignore_index)
    # There is no weighting of classes there, so their losses are taken one by one.
    classes = [k for k in range(p.shape[1]) if mean_over == "all" or (labels == k).any()]
    weights = torch.ones(p.shape[1], dtype=p.dtype) if class_weights is None else class_weights
    # It counts pixels in f32, whatever the logits are: here in the precision of the logits.
    with mock.patch.object(torch.Tensor, "float", lambda t: t.to(p.dtype)):
        losses = [weights[k] * lovasz._lovasz_softmax_flat(p, labels, [k]) for k in classes]
    return sum(losses) / weights[classes].sum()


def cases():
    def of_labels(op, run):
        def case(variant, shape=(2, 4, 5, 6), weights=None, used=None, ignored=0.25, **attributes):
            """`used` of the classes have labels."""
            constants = {"labels": labels(used or shape[-1], *shape[:-1], ignored=ignored)}
            if weights:
                constants["class_weights"] = given(weights)
            inputs = {"logits": normal(*shape, deviation=2)}
            return Case(op, variant, run, inputs, attributes, constants)

        return case

    # Sums of powers of two: SMP keeps weights in f32.
    weights = [1.0, 0.5, 2.0, 0.125, 1.5, 0.75]
    for op, loss in {
        "dice_loss": smp.DiceLoss,
        "jaccard_loss": smp.JaccardLoss,
        "tversky_loss": smp.TverskyLoss,
    }.items():
        region = of_labels(op, region_loss(loss))
        yield region("plain", ignored=0)
        yield region("ignoring_pixels", (1, 6, 7, 21))
        yield region("absent_classes", used=3)
        yield region("absent_classes_left_out", used=3, weights=weights, mean_over="present")
        yield region("class_weights", weights=weights)
        yield region("log_loss_and_smooth", log_loss=True, smooth=1.5)
    tversky = of_labels("tversky_loss", region_loss(smp.TverskyLoss))
    yield tversky("alpha_0.3_beta_0.7", alpha=0.3, beta=0.7)
    yield tversky("focal", alpha=0.7, beta=0.3, gamma=0.75, weights=weights)

    sorted_by_error = of_labels("lovasz_softmax", lovasz_softmax)
    yield sorted_by_error("plain", ignored=0)
    yield sorted_by_error("ignoring_pixels", (1, 6, 7, 21))
    yield sorted_by_error("absent_classes", used=3)
    yield sorted_by_error("absent_classes_counted", used=3, mean_over="all")
    yield sorted_by_error("class_weights", weights=weights)
    yield sorted_by_error("per_image", (3, 4, 5, 4), per_image=True)
