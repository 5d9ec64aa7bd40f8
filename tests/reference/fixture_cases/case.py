"""A case of an op, and the random numbers that go into it."""

import dataclasses
import math
import typing
import zlib

import numpy as np
import torch
from torch.nn import functional as F


def nchw(x):
    """[N,...,C] to PyTorch's [N,C,...], and our conv weights to PyTorch's."""
    return x.movedim(-1, 1).contiguous()


def nhwc(y):
    """[N,C,...] to [N,...,C]."""
    # Gradients arrive in PyTorch's order of memory as well: the backward of F.instance_norm (2.15)
    # is wrong for one image without weights where they are transposed.
    y.register_hook(torch.Tensor.contiguous)
    return y.movedim(1, -1)


def same_padding(x, kernel_size, stride, dilation=1, value=0.0):
    """NCHW with the padding of Keras and TensorFlow: ceil(size / stride) windows, the odd pixel at
    the bottom and on the right."""
    sides = []
    for size, kernel in reversed(list(zip(x.shape[2:], kernel_size))):
        windows = -(-size // stride)
        total = max((windows - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
        sides += [total // 2, total - total // 2]
    return F.pad(x, sides, value=value)


# What fills an input: functions of a random generator. A bare shape stands for normal(shape).


def normal(*shape, mean=0.0, deviation=1.0):
    return lambda random: mean + deviation * random.standard_normal(shape)


def uniform(low, high, *shape):
    return lambda random: random.uniform(low, high, shape)


def spaced(*shape):
    """Shuffled values 0.05 apart, the nearest to 0 at 0.025: no ties, nothing on a kink at 0."""
    n = math.prod(shape)
    return lambda random: (0.05 * (random.permutation(n) - n // 2) + 0.025).reshape(shape)


def given(values):
    return lambda random: np.array(values)


def labels(classes, *shape, ignored=0.0, ignore=255):
    """i32 labels in [0, classes), of which about a share of `ignored` are `ignore`."""

    def draw(random):
        values = random.randint(0, classes, shape)
        return np.where(random.uniform(size=shape) < ignored, ignore, values).astype(np.int32)

    return draw


def condition(*shape):
    return lambda random: random.randint(0, 2, shape).astype(np.uint8)


def error_of(got, expected):
    """|got - expected| / |expected| in the L2 norm, to three digits."""
    expected = expected.double()
    norm = expected.norm().item()
    error = (got.double() - expected).norm().item()
    return float(f"{error / norm if norm > 0 else error:.2e}")


def in_f64(tensors):
    return {
        name: t.detach().to(torch.float64, copy=True).contiguous() for name, t in tensors.items()
    }


@dataclasses.dataclass
class Case:
    """One call of an op. `run` is the call in PyTorch, in our layout: of the inputs in order, of
    constants and attributes by name. Attributes are called as the fields of our specs are."""

    op: str
    variant: str
    run: typing.Callable
    inputs: dict
    attributes: dict = dataclasses.field(default_factory=dict)
    constants: dict = dataclasses.field(default_factory=dict)

    @property
    def name(self):
        return f"{self.op}/{self.variant}"

    def record(self):
        """The tensors of the case, and what the metadata says of it."""
        # RandomState, not a Generator: NumPy promises that its streams never change.
        random = np.random.RandomState(zlib.crc32(self.name.encode()))

        def draw(source):
            source = source if callable(source) else normal(*source)
            values = torch.from_numpy(np.asarray(source(random)))
            return values.float() if values.is_floating_point() else values

        inputs = {name: draw(source) for name, source in self.inputs.items()}
        constants = {name: draw(source) for name, source in self.constants.items()}
        shape = self._call(inputs, constants, None, torch.float64)["out"].shape
        dy = draw(normal(*shape))
        exact = self._call(inputs, constants, dy, torch.float64)
        single = self._call(inputs, constants, dy, torch.float32)
        tensors = in_f64(exact) | {"dy": dy}
        tensors |= {f"inputs/{name}": x for name, x in inputs.items()}
        tensors |= {f"constants/{name}": c for name, c in constants.items()}
        errors = {name: error_of(single[name], exact[name]) for name in exact}
        return tensors, {"attributes": self.attributes, "f32_errors": errors}

    def _call(self, inputs, constants, dy, dtype):
        # Copies: an op may change its constants in place.
        cs = {
            n: c.to(dtype, copy=True) if c.is_floating_point() else c for n, c in constants.items()
        }
        xs = {name: x.to(dtype).requires_grad_() for name, x in inputs.items()}
        out = self.run(*xs.values(), **cs, **self.attributes)
        results = {"out": out}
        if dy is None:
            return results
        gradients = torch.autograd.grad(out, list(xs.values()), dy.to(out.dtype))
        results |= {f"gradients/{name}": g for name, g in zip(xs, gradients)}
        for name, c in cs.items():
            if not torch.equal(c, constants[name].to(c.dtype)):
                results[f"after/{name}"] = c
        return results
