#!/usr/bin/env python3
"""The training steps and the inference of bench_step in PyTorch: one side of compare_torch.py.

Like `bench_step --turns` it prints the seconds of two warm-up steps; then, for each number of seconds
read from stdin, steps for at least that long and prints the seconds of these steps; at the end of the
input a JSON object. AdamW is the fused one, the fastest that PyTorch has.

On a GPU images and weights are channels_last and cuDNN chooses its algorithms by trying them; tf32 is
PyTorch's switch of that name, bf16 is autocast.
"""

import argparse
import dataclasses
import json
import sys
import time

import torch

from torch_models import MODELS


def resident_bytes(key):
    """VmRSS: held now; VmHWM: held at most."""
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith(key + ":"))


def bytes_held(device):
    return torch.cuda.memory_allocated() if device == "cuda" else resident_bytes("VmRSS")


def bytes_at_most(device):
    return torch.cuda.max_memory_allocated() if device == "cuda" else resident_bytes("VmHWM")


class Stepper:
    def __init__(self, entry, args):
        torch.manual_seed(0)
        layout = torch.contiguous_format if args.variant == "nchw" else torch.channels_last
        self.device = args.device
        self.autocast = args.precision == "bf16"
        net = entry.make(entry.classes).to(args.device, memory_format=layout)
        net.train(args.mode == "train")
        self.parameters = list(net.parameters())
        self.net = torch.compile(net) if args.variant == "compiled" else net
        self.step = self.train if args.mode == "train" else self.infer
        self.optimizer = torch.optim.AdamW(self.parameters, lr=1e-4, fused=True)
        self.images = torch.randn(entry.batch, 3, entry.size, entry.size).to(args.device, memory_format=layout)
        self.labels = torch.randint(entry.classes, (entry.batch, entry.size, entry.size)).to(args.device)

    def forward(self):
        with torch.autocast(self.device, torch.bfloat16, enabled=self.autocast):
            return self.net(self.images)

    def train(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(self.forward().float(), self.labels)
        loss.backward()
        self.optimizer.step()
        loss.item()

    def infer(self):
        with torch.inference_mode():
            self.forward()

    def timed(self):
        start = time.perf_counter()
        self.step()
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start


def say(what):
    print(json.dumps(what), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--mode", choices=["train", "infer"], required=True)
    parser.add_argument("--variant", choices=["nchw", "channels_last", "eager", "compiled"], required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["f32", "tf32", "bf16"], default="f32")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--size", type=int)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = args.precision == "tf32"
    torch.backends.cudnn.benchmark = True
    entry = MODELS[args.model]
    entry = dataclasses.replace(entry, batch=args.batch or entry.batch, size=args.size or entry.size)
    stepper = Stepper(entry, args)
    before = bytes_held(args.device)
    say([stepper.timed() for _ in range(2)])
    for line in sys.stdin:
        seconds = []
        while not seconds or sum(seconds) < float(line):
            seconds.append(stepper.timed())
        say(seconds)
    peak = bytes_at_most(args.device)
    say({"version": torch.__version__, "threads": torch.get_num_threads(), "batch": entry.batch, "size": entry.size,
         "classes": entry.classes, "parameters": sum(p.numel() for p in stepper.parameters),
         "bytes_before": before, "bytes_peak": peak, "bytes": peak - before})


if __name__ == "__main__":
    main()
