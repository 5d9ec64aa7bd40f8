"""batch_norm."""

from torch.nn import functional as F

from .case import Case, nchw, nhwc, normal, uniform


def batch_norm(x, gamma=None, beta=None, running_mean=None, running_variance=None, **settings):
    first = nchw(x) if x.dim() == 4 else x
    y = F.batch_norm(first, running_mean, running_variance, gamma, beta, **settings)
    return nhwc(y) if x.dim() == 4 else y


def cases():
    def batch(variant, x, channels, affine=True, running=True, training=True, **settings):
        inputs, constants = {"x": x}, {}
        if affine:
            inputs |= {"gamma": normal(channels, mean=1, deviation=0.3), "beta": (channels,)}
        if running:
            constants = {"running_mean": (channels,), "running_variance": uniform(0.5, 2, channels)}
        attributes = {"training": training} | settings
        return Case("batch_norm", variant, batch_norm, inputs, attributes, constants)

    yield batch("training", (2, 5, 3, 5), 5)
    yield batch("training_without_affine", (3, 4, 4, 3), 3, affine=False)
    yield batch("training_without_running_statistics", (2, 3, 3, 17), 17, running=False)
    yield batch("training_with_settings_of_keras", (2, 4, 3, 4), 4, momentum=0.01, eps=1e-3)
    yield batch("training_of_rows", (9, 6), 6)
    yield batch("training_with_a_large_mean", normal(2, 4, 4, 3, mean=50), 3)
    yield batch("evaluation", (2, 3, 4, 7), 7, training=False)
    yield batch(
        "evaluation_without_affine", (1, 4, 4, 3), 3, affine=False, training=False, eps=1e-3
    )
