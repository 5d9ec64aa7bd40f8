"""Arithmetic with broadcasting, selection and casts."""

import operator

import torch

from .case import Case, condition, normal, uniform


def scale(x, factor):
    return factor * x


def where(a, b, condition):
    return torch.where(condition.bool(), a, b)


def cast(x, dtype):
    return x.to({"f32": torch.float32, "f64": torch.float64}[dtype])


# Shapes of two operands.
PAIRS = {
    "images": ((2, 3, 5, 3), (2, 3, 5, 3)),
    "scalars": ((), ()),
    "image_and_scalar": ((2, 3, 5, 3), ()),
    "image_and_channels": ((2, 4, 3, 17), (17,)),
    "gates_and_image": ((2, 1, 1, 5), (2, 3, 4, 5)),
    "rows_and_columns": ((3, 1, 2), (5, 1)),
}


def away_from_0(shape):
    """Of either sign, 0.3 at least in size."""
    return lambda random: random.choice([-1, 1], shape) * random.uniform(0.3, 3, shape)


def cases():
    for what, (a, b) in PAIRS.items():
        for op in ("add", "sub", "mul"):
            yield Case(op, what, getattr(operator, op), {"a": a, "b": b})
        yield Case("div", what, operator.truediv, {"a": a, "b": away_from_0(b)})
        inputs = {"base": uniform(0.2, 3, *a), "exponent": b}
        yield Case("pow", what, torch.pow, inputs)
    signed = {"base": away_from_0((2, 3, 5, 3))}
    yield Case("pow", "cubes", torch.pow, signed, {"exponent": 3.0})
    yield Case("pow", "inverse_squares", torch.pow, signed, {"exponent": -2.0})
    yield Case("pow", "to_0.45", torch.pow, {"base": uniform(0.1, 4, 37)}, {"exponent": 0.45})

    yield Case("scale", "image", scale, {"x": (2, 3, 5, 3)}, {"factor": -2.5})
    yield Case("scale", "a_scalar", scale, {"x": ()}, {"factor": 0.1})

    def chosen(variant, c, a, b):
        return Case("where", variant, where, {"a": a, "b": b}, {}, {"condition": condition(*c)})

    yield chosen("images", (2, 3, 5, 3), (2, 3, 5, 3), (2, 3, 5, 3))
    yield chosen("masks_of_pixels", (2, 3, 4, 1), (2, 3, 4, 5), (5,))
    yield chosen("all_broadcast", (4, 1), (3, 1, 1), (2,))

    yield Case("cast", "to_f32", cast, {"x": (2, 3, 4, 3)}, {"dtype": "f32"})
    yield Case("cast", "to_f64", cast, {"x": (2, 3, 4, 3)}, {"dtype": "f64"})
