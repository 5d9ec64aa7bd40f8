"""Ten steps of each optimizer."""

import dataclasses
import zlib

import numpy as np
import torch

from .case import error_of

SHAPES = {"weight": (3, 5), "bias": (7,), "scalar": (1,)}
RATES = [0.05, 0.05, 0.05, 0.02, 0.02, 0.1, 0.1, 0.01, 0.01, 0.01]


@dataclasses.dataclass
class Run:
    """Parameters, ten gradients of each ([10, ...]), the learning rates, and the parameters after
    each of the ten steps."""

    optimizer: str
    variant: str
    make: type
    options: dict  # of ours; `translate` makes PyTorch's of them

    @property
    def name(self):
        return f"{self.optimizer}/{self.variant}"

    def record(self):
        random = np.random.RandomState(zlib.crc32(self.name.encode()))
        start = {n: torch.from_numpy(random.standard_normal(s)).float() for n, s in SHAPES.items()}
        steps = len(RATES)
        gradients = {
            n: torch.from_numpy(random.standard_normal((steps, *s))).float()
            for n, s in SHAPES.items()
        }
        exact = self._steps(start, gradients, torch.float64)
        single = self._steps(start, gradients, torch.float32)
        tensors = {"rates": torch.tensor(RATES, dtype=torch.float64)}
        for n in SHAPES:
            tensors |= {
                f"start/{n}": start[n],
                f"gradients/{n}": gradients[n],
                f"after/{n}": exact[n],
            }
        errors = {n: error_of(single[n], exact[n]) for n in SHAPES}
        return tensors, {"attributes": self.options, "f32_errors": errors}

    def _steps(self, start, gradients, dtype):
        params = {n: p.to(dtype, copy=True) for n, p in start.items()}
        optimizer = self.make(params.values(), lr=1.0, foreach=False, **translate(self.options))
        after = {n: [] for n in SHAPES}
        for i, rate in enumerate(RATES):
            optimizer.param_groups[0]["lr"] = rate
            for n, p in params.items():
                p.grad = gradients[n][i].to(dtype)
            optimizer.step()
            for n, p in params.items():
                after[n].append(p.clone())
        return {n: torch.stack(values) for n, values in after.items()}


def translate(options):
    options = dict(options)
    if "beta1" in options:
        options["betas"] = (options.pop("beta1"), options.pop("beta2"))
    return options


def cases():
    sgd, adam, adamw = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
    other = {"beta1": 0.8, "beta2": 0.95, "eps": 1e-3}
    yield Run("sgd", "plain", sgd, {})
    yield Run("sgd", "weight_decay", sgd, {"weight_decay": 0.1})
    yield Run("sgd", "momentum", sgd, {"momentum": 0.9, "weight_decay": 0.01})
    yield Run("sgd", "dampening", sgd, {"momentum": 0.9, "dampening": 0.3})
    yield Run("sgd", "nesterov", sgd, {"momentum": 0.9, "weight_decay": 0.01, "nesterov": True})
    yield Run("adam", "plain", adam, {})
    yield Run("adam", "weight_decay", adam, {"weight_decay": 0.1})
    yield Run("adam", "other_betas_and_eps", adam, other)
    yield Run("adamw", "plain", adamw, {"weight_decay": 0.01})
    yield Run("adamw", "other_betas_and_eps", adamw, {"weight_decay": 0.3} | other)
