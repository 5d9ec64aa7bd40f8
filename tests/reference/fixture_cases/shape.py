"""Ops that move values."""

import torch
from torch.nn import functional as F

from .case import Case, nchw, nhwc


def concat(*parts, axis=-1):
    return torch.cat(parts, axis)


def reshape(x, shape):
    return x.reshape(shape)


def permute(x, axes):
    return x.permute(axes)


def slice_of(x, axis, start, stop, step=1):
    ranges = [slice(None)] * x.dim()
    ranges[axis] = slice(start, stop, step)
    return x[tuple(ranges)]


def crop2d(x, top, left, height, width):
    return x[:, top : top + height, left : left + width]


def pixel_shuffle(x, upscale_factor):
    return nhwc(F.pixel_shuffle(nchw(x), upscale_factor))


def pad2d(x, left=0, right=0, top=0, bottom=0, mode="constant", value=0.0):
    return nhwc(F.pad(nchw(x), (left, right, top, bottom), mode, value))


def cases():
    def joined(variant, *shapes, **settings):
        return Case("concat", variant, concat, dict(zip("abc", shapes)), settings)

    yield joined("one", (2, 3, 4, 5))
    yield joined("two", (2, 3, 4, 5), (2, 3, 4, 2))
    yield joined("three", (1, 2, 3, 17), (1, 2, 3, 1), (1, 2, 3, 16))
    yield joined("rows", (2, 3, 4, 5), (2, 2, 4, 5), axis=1)
    yield joined("images", (2, 3, 4), (1, 3, 4), axis=-3)

    yield Case("reshape", "flat", reshape, {"x": (2, 3, 4, 5)}, {"shape": [120]})
    yield Case("reshape", "another_rank", reshape, {"x": (6, 4)}, {"shape": [2, 3, 2, 2]})

    yield Case("permute", "to_nchw", permute, {"x": (2, 3, 4, 5)}, {"axes": [0, 3, 1, 2]})
    yield Case("permute", "transpose", permute, {"x": (7, 17)}, {"axes": [1, 0]})
    yield Case("permute", "of_5_axes", permute, {"x": (2, 1, 3, 2, 4)}, {"axes": [-1, 2, 0, 1, 3]})

    def part(variant, shape, axis, start, stop, step=1):
        attributes = {"axis": axis, "start": start, "stop": stop, "step": step}
        return Case("slice", variant, slice_of, {"x": shape}, attributes)

    yield part("channels", (2, 3, 4, 7), -1, 2, 5)
    yield part("every_second_row", (2, 7, 4, 3), 1, 1, 7, 2)
    yield part("the_last_columns", (1, 3, 6, 2), 2, -4, -1)
    yield part("one_image", (3, 2, 2, 2), 0, 1, 2)

    window = {"top": 1, "left": 2, "height": 4, "width": 3}
    yield Case("crop2d", "inside", crop2d, {"x": (2, 6, 7, 3)}, window)
    yield Case("crop2d", "the_whole", crop2d, {"x": (1, 4, 3, 2)}, window | {"top": 0, "left": 0})

    yield Case("pixel_shuffle", "by_2", pixel_shuffle, {"x": (2, 3, 2, 12)}, {"upscale_factor": 2})
    yield Case("pixel_shuffle", "by_3", pixel_shuffle, {"x": (1, 2, 3, 9)}, {"upscale_factor": 3})

    def padded(variant, shape, **settings):
        return Case("pad2d", variant, pad2d, {"x": shape}, settings)

    sides = {"left": 2, "right": 1, "top": 3, "bottom": 2}
    yield padded("zeros", (2, 4, 5, 3), **sides)
    yield padded("a_value", (1, 2, 3, 5), **sides, value=-1.5)
    yield padded("reflect", (2, 4, 5, 3), **sides, mode="reflect")
    yield padded("replicate", (1, 1, 2, 17), **sides, mode="replicate")
    yield padded("cut_off", (1, 6, 5, 3), left=-1, right=2, top=1, bottom=-3)
