"""Sums, means and maxima, of everything and over axes."""

import torch

from .case import Case, normal, spaced


def over(reduce):
    def run(x, axes=None, keepdim=False):
        return reduce(x) if axes is None else reduce(x, dim=axes, keepdim=keepdim)

    return run


def cases():
    for op, reduce in {"sum": torch.sum, "mean": torch.mean, "max": torch.amax}.items():
        run, values = over(reduce), spaced if op == "max" else normal
        yield Case(op, "image", run, {"x": values(2, 3, 5, 7)})
        yield Case(op, "one_value", run, {"x": values(1)})
        yield Case(op, "a_thousand_values", run, {"x": values(1001)})
        for what, axes in {
            "height_and_width": [1, 2],
            "channels": [-1],
            "images": [0],
            "columns_and_images": [2, 0],
            "all_axes": [0, 1, 2, 3],
        }.items():
            yield Case(op, what, run, {"x": values(2, 3, 4, 5)}, {"axes": axes})
        kept = {"axes": [1, -2], "keepdim": True}
        yield Case(op, "height_and_width_kept", run, {"x": values(2, 4, 3, 17)}, kept)
