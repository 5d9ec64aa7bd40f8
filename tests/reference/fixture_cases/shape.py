"""Ops that move values."""

import torch

from .case import Case


def concat(*parts):
    return torch.cat(parts, -1)


def reshape(x, shape):
    return x.reshape(shape)


def crop2d(x, top, left, height, width):
    return x[:, top : top + height, left : left + width]


def cases():
    yield Case("concat", "one", concat, {"a": (2, 3, 4, 5)})
    yield Case("concat", "two", concat, {"a": (2, 3, 4, 5), "b": (2, 3, 4, 2)})
    yield Case(
        "concat", "three", concat, {"a": (1, 2, 3, 17), "b": (1, 2, 3, 1), "c": (1, 2, 3, 16)}
    )

    yield Case("reshape", "flat", reshape, {"x": (2, 3, 4, 5)}, {"shape": [120]})
    yield Case("reshape", "another_rank", reshape, {"x": (6, 4)}, {"shape": [2, 3, 2, 2]})

    window = {"top": 1, "left": 2, "height": 4, "width": 3}
    yield Case("crop2d", "inside", crop2d, {"x": (2, 6, 7, 3)}, window)
    yield Case("crop2d", "the_whole", crop2d, {"x": (1, 4, 3, 2)}, window | {"top": 0, "left": 0})
