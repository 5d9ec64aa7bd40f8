"""The learning rate at each step of each schedule."""

import dataclasses
import typing

import torch
from torch.optim import lr_scheduler as S


@dataclasses.dataclass
class Curve:
    """`options` are those of our schedule, as text; `rates` the learning rates of the steps from 0
    to total_steps (to total_steps - 1 for OneCycleLR, which ends there)."""

    schedule: str
    variant: str
    scheduler: (
        typing.Callable
    )  # makes PyTorch's from an optimizer and the number of steps of the decay
    options: dict

    @property
    def name(self):
        return f"{self.schedule}/{self.variant}"

    def record(self):
        steps, warmup = self.options["total_steps"], self.options.get("warmup_steps", 0)
        weight = torch.zeros(1, dtype=torch.float64)
        optimizer = torch.optim.SGD([weight], lr=self.options["lr"])
        scheduler = self.scheduler(optimizer, steps - warmup)
        if warmup:
            rise = S.LinearLR(optimizer, self.options["warmup_start"], total_iters=warmup)
            scheduler = S.SequentialLR(optimizer, [rise, scheduler], [warmup])
        rates = [optimizer.param_groups[0]["lr"]]
        for _ in range(steps - isinstance(scheduler, S.OneCycleLR)):
            optimizer.step()
            scheduler.step()
            rates.append(optimizer.param_groups[0]["lr"])
        attributes = {k: str(v) for k, v in self.options.items()} | {"name": self.schedule}
        values = {"rates": torch.tensor(rates, dtype=torch.float64)}
        return values, {"attributes": attributes, "f32_errors": {}}


def cases():
    base = {"lr": 0.1, "total_steps": 20}
    warm = {"warmup_steps": 5, "warmup_start": 0.2}

    def constant(optimizer, steps):
        return S.ConstantLR(optimizer, factor=1)

    yield Curve("constant", "plain", constant, base)
    yield Curve("constant", "warmup", constant, base | {"warmup_steps": 6, "warmup_start": 0.05})

    def poly(power):
        return lambda optimizer, steps: S.PolynomialLR(optimizer, steps, power)

    yield Curve("poly", "power_0.9", poly(0.9), base | {"power": 0.9})
    yield Curve("poly", "power_2", poly(2), base | {"power": 2})
    yield Curve("poly", "warmup", poly(0.9), base | warm)

    def every_3(optimizer, steps):
        return S.StepLR(optimizer, 3, 0.5)

    def milestones(optimizer, steps):
        return S.MultiStepLR(optimizer, [5, 12], 0.2)

    at = {"milestones": "5,12", "gamma": 0.2}
    yield Curve("step", "every_3", every_3, base | {"every": 3, "gamma": 0.5})
    yield Curve("step", "milestones", milestones, base | at)
    yield Curve("step", "warmup", milestones, base | warm | at)

    def cosine(min_lr):
        return lambda optimizer, steps: S.CosineAnnealingLR(optimizer, steps, min_lr)

    yield Curve("cosine", "to_zero", cosine(0), base)
    yield Curve("cosine", "to_a_floor", cosine(0.004), base | {"min_lr": 0.004})
    yield Curve("cosine", "warmup", cosine(0), base | {"warmup_steps": 4, "warmup_start": 0.01})

    def one_cycle(**options):
        return lambda optimizer, steps: S.OneCycleLR(optimizer, 0.1, steps, **options)

    top = {"pct_start": 0.25, "div_factor": 10, "final_div_factor": 100}
    yield Curve("one_cycle", "plain", one_cycle(), base)
    yield Curve(
        "one_cycle", "top_between_steps", one_cycle(**top), base | top | {"total_steps": 23}
    )
