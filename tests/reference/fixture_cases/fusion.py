"""Ops of ours that are several of PyTorch's."""

from torch.nn import functional as F

from .case import Case, normal, uniform
from .normalization import affine, batch_norm


def batch_norm_act(x, gamma=None, beta=None, residual=None, *, activation, **settings):
    y = batch_norm(x, gamma, beta, **settings)
    if residual is not None:
        y = y + residual
    return {"none": lambda t: t, "relu": F.relu}[activation](y)


def cases():
    def case(variant, x, residual=False, scaled=True, running=True, training=True, **settings):
        channels = x[-1]
        inputs = {"x": normal(*x, mean=0.5, deviation=2)}
        inputs |= affine(channels) if scaled else {}
        inputs |= {"residual": x} if residual else {}
        statistics = {"running_mean": (channels,), "running_variance": uniform(0.5, 2, channels)}
        attributes = {"training": training, "activation": "relu"} | settings
        constants = statistics if running else {}
        return Case("batch_norm_act", variant, batch_norm_act, inputs, attributes, constants)

    yield case("training", (2, 5, 3, 5))
    yield case("training_with_a_residual", (2, 4, 3, 7), residual=True)
    yield case("training_with_a_residual_and_no_activation", (2, 3, 3, 4), True, activation="none")
    yield case("training_without_running_statistics", (2, 3, 3, 17), running=False)
    yield case("training_with_settings_of_keras", (2, 4, 3, 4), momentum=0.01, eps=1e-3)
    yield case("training_of_rows", (9, 6), residual=True)
    yield case("training_without_affine", (3, 4, 4, 3), scaled=False)
    yield case("evaluation", (2, 3, 4, 7), training=False)
    yield case("evaluation_with_a_residual", (1, 4, 4, 18), residual=True, training=False)
