"""Batch, group, instance and layer norm."""

from torch.nn import functional as F

from .case import Case, nchw, nhwc, normal, uniform


def batch_norm(x, gamma=None, beta=None, running_mean=None, running_variance=None, **settings):
    return nhwc(F.batch_norm(nchw(x), running_mean, running_variance, gamma, beta, **settings))


def group_norm(x, gamma=None, beta=None, *, groups, eps=1e-5):
    return nhwc(F.group_norm(nchw(x), groups, gamma, beta, eps))


def instance_norm(x, gamma=None, beta=None, eps=1e-5):
    return nhwc(F.instance_norm(nchw(x), weight=gamma, bias=beta, eps=eps))


def layer_norm(x, gamma=None, beta=None, *, dims=1, eps=1e-5):
    return F.layer_norm(x, x.shape[-dims:], gamma, beta, eps)


def affine(*shape):
    return {"gamma": normal(*shape, mean=1, deviation=0.3), "beta": shape}


def cases():
    def batch(variant, x, scaled=True, running=True, training=True, channels=None, **settings):
        channels = channels or x[-1]
        inputs = {"x": x} | (affine(channels) if scaled else {})
        statistics = {"running_mean": (channels,), "running_variance": uniform(0.5, 2, channels)}
        attributes = {"training": training} | settings
        constants = statistics if running else {}
        return Case("batch_norm", variant, batch_norm, inputs, attributes, constants)

    yield batch("training", (2, 5, 3, 5))
    yield batch("training_without_affine", (3, 4, 4, 3), scaled=False)
    yield batch("training_without_running_statistics", (2, 3, 3, 17), running=False)
    yield batch("training_with_settings_of_keras", (2, 4, 3, 4), momentum=0.01, eps=1e-3)
    yield batch("training_of_rows", (9, 6))
    yield batch("training_with_a_large_mean", normal(2, 4, 4, 3, mean=50), channels=3)
    yield batch("evaluation", (2, 3, 4, 7), training=False)
    yield batch("evaluation_without_affine", (1, 4, 4, 3), scaled=False, training=False, eps=1e-3)

    def group(variant, x, groups, scaled=True, **settings):
        inputs = {"x": x} | (affine(x[-1]) if scaled else {})
        return Case("group_norm", variant, group_norm, inputs, {"groups": groups} | settings)

    yield group("2_of_6_channels", (2, 4, 3, 6), 2)
    yield group("one_group", (2, 3, 5, 7), 1)
    yield group("a_group_each", (2, 3, 3, 5), 5, eps=1e-3)
    yield group("sequences_without_affine", (2, 9, 8), 4, scaled=False)

    yield Case("instance_norm", "image", instance_norm, {"x": (2, 4, 5, 3)} | affine(3))
    yield Case(
        "instance_norm", "without_affine", instance_norm, {"x": (1, 5, 3, 17)}, {"eps": 1e-3}
    )
    yield Case("instance_norm", "sequences", instance_norm, {"x": (2, 11, 4)} | affine(4))

    yield Case("layer_norm", "channels", layer_norm, {"x": (2, 3, 4, 17)} | affine(17))
    yield Case("layer_norm", "without_affine", layer_norm, {"x": (5, 7)}, {"eps": 1e-3})
    inputs = {"x": (2, 4, 3, 5)} | affine(4, 3, 5)
    yield Case("layer_norm", "whole_images", layer_norm, inputs, {"dims": 3})
