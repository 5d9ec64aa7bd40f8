"""Matrix products."""

import torch
from torch.nn import functional as F

from .case import Case


def cases():
    yield Case("matmul", "matrices", torch.matmul, {"a": (5, 7), "b": (7, 3)})
    yield Case("matmul", "odd_and_long", torch.matmul, {"a": (17, 65), "b": (65, 19)})
    yield Case("matmul", "row_and_column", torch.matmul, {"a": (1, 9), "b": (9, 1)})
    yield Case("matmul", "column_and_row", torch.matmul, {"a": (6, 1), "b": (1, 4)})
    yield Case("matmul", "batches", torch.matmul, {"a": (2, 3, 4, 5), "b": (2, 3, 5, 6)})

    yield Case("linear", "rows", F.linear, {"x": (4, 7), "weight": (5, 7), "bias": (5,)})
    yield Case("linear", "pixels", F.linear, {"x": (2, 3, 4, 17), "weight": (9, 17), "bias": (9,)})
    yield Case("linear", "without_bias", F.linear, {"x": (3, 4), "weight": (6, 4)})
    yield Case("linear", "one_vector", F.linear, {"x": (5,), "weight": (3, 5), "bias": (3,)})
