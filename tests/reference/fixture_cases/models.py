"""Whole models at full width, by their own projects' code. What the file holds of a case:

    eval, eval_pixels      logits in evaluation: their summary, and those of 16 pixels in full
    loss, train, aux       of the first training step: loss, summaries of both heads' logits
    gradients              summaries of all parameters' gradients, in the order of `parameters`
    losses                 of five steps of SGD on the same batch
    after, buffers_after   summaries of all parameters and buffers after these

A summary (counter_formula.py) is six f64 numbers. Weights come from the counter formula. f32_errors
are PyTorch's own errors in f32 for eval, train and gradients, the latter as one vector. A value near
the bend of a ReLU may fall to either side of it, which moves gradients a thousand times as far as
rounding does, and happens in some batches only: the errors are the largest of four batches. They
are those of PyTorch's kernels for this project's layout, channels_last."""

import copy

import segmentation_models_pytorch as smp
import torch
import torchvision
from torch.nn import functional as F

from counter_formula import from_ours, images, labels, summary, tensor_of, to_ours, uniform
from paper_models import KerasPspNet, PaperDeepLabV3Plus, PaperPspNet

STEPS, LR, MOMENTUM, DECAY = 5, 0.01, 0.9, 1e-4


def cross_entropy(logits, classes):
    n, _, h, w = logits.shape
    return F.cross_entropy(logits, labels(n, h, w, classes), ignore_index=255)


def plain(net, x):
    return net(x), None


def torchvision_heads(net, x):
    y = net(x)
    return y["out"], y.get("aux")


class Model:
    """`build` makes the network, `run` calls it: logits and auxiliary logits or None. model,
    classes, options: what the C++ side builds."""

    def __init__(self, name, build, model, classes, options, eval_size, train_size, **more):
        self.name, self.build = name, build
        self.model, self.classes, self.options = model, classes, options
        self.eval_size, self.train_size = eval_size, train_size
        self.run = more.get("run", plain)
        self.aux_weight = more.get("aux_weight", 0.0)
        self.loss = more.get("loss", cross_entropy)

    def total_loss(self, out, aux):
        loss = self.loss(out, self.classes)
        return loss if aux is None else loss + self.aux_weight * self.loss(aux, self.classes)

    def gradients(self, net, dtype, stream="images"):
        net = copy.deepcopy(net).to(dtype)
        net.eval()
        with torch.no_grad():
            evaluated, _ = self.run(net, images(*self.eval_size, stream).to(dtype))
        net.train()
        out, aux = self.run(net, images(*self.train_size, stream).to(dtype))
        loss = self.total_loss(out, aux)
        loss.backward()
        grads = [
            torch.zeros_like(p) if p.grad is None else p.grad for p in net.parameters()
        ]
        return evaluated, out, aux, loss, grads

    def f32_errors(self, net):
        def error(got, expected):
            return ((got.double() - expected).norm() / expected.norm()).item()

        def flat(tensors):
            return torch.cat([t.double().flatten() for t in tensors])

        channels_last = copy.deepcopy(net).to(memory_format=torch.channels_last)
        worst = {"eval": 0.0, "train": 0.0, "gradients": 0.0}
        for stream in ("images", "images 1", "images 2", "images 3"):
            exact = self.gradients(net, torch.float64, stream)
            single = self.gradients(channels_last, torch.float32, stream)
            for name, got, expected in (
                ("eval", single[0], exact[0]),
                ("train", single[1], exact[1]),
                ("gradients", flat(single[4]), flat(exact[4])),
            ):
                worst[name] = max(worst[name], error(got, expected))
        return worst

    def record(self):
        net = without_dropout(self.build())
        state = net.state_dict()
        net.load_state_dict(
            {
                k: tensor_of(k, v.shape) if v.is_floating_point() else v
                for k, v in state.items()
            }
        )
        evaluated, out, aux, loss, grads = self.gradients(net, torch.float64)
        errors = self.f32_errors(net)

        net = net.double().train()
        sgd = torch.optim.SGD(net.parameters(), lr=LR, momentum=MOMENTUM, weight_decay=DECAY)
        losses = []
        for _ in range(STEPS):
            sgd.zero_grad()
            step_loss = self.total_loss(*self.run(net, images(*self.train_size)))
            step_loss.backward()
            sgd.step()
            losses.append(step_loss.item())

        def numbers(values):
            return torch.tensor(values, dtype=torch.float64)

        pixels = to_ours(evaluated).flatten(0, 2)
        values = {
            "eval": numbers(summary(evaluated)),
            "eval_pixels": pixels[:: max(1, len(pixels) // 16)][:16].contiguous(),
            "loss": numbers([loss.item()]),
            "train": numbers(summary(out)),
            "gradients": numbers([summary(g) for g in grads]),
            "losses": numbers(losses),
            "after": numbers([summary(p) for p in net.parameters()]),
            "buffers_after": numbers([summary(b) for b in net.buffers()]),
        }
        if aux is not None:
            values["aux"] = numbers(summary(aux))
        return values, {
            "attributes": {
                "model": self.model,
                "classes": self.classes,
                "loss": self.loss.__name__,
                "options": self.options,
                "eval_size": self.eval_size,
                "train_size": self.train_size,
                "parameters": [name for name, _ in net.named_parameters()],
                "buffers": [name for name, _ in net.named_buffers()],
            },
            "f32_errors": errors,
        }


def without_dropout(net):
    for m in net.modules():
        if isinstance(m, (torch.nn.Dropout, torch.nn.Dropout2d)):
            m.p = 0.0
    return net.double()


def squares_of_sigmoids(logits, classes):
    """The Keras tutorials' loss: outputs in [0, 1] against a colour image."""
    n, c, h, w = logits.shape
    target = (uniform("target", n * c * h * w) + 1) / 2
    target = from_ours(torch.from_numpy(target).reshape(n, h, w, c))
    return F.mse_loss(torch.sigmoid(logits), target.to(logits.dtype))


def torchvision_deeplabv3():
    return torchvision.models.segmentation.deeplabv3_resnet50(
        weights=None, weights_backbone=None, num_classes=21, aux_loss=True
    )


def smp_model(kind, encoder):
    return lambda: getattr(smp, kind)(encoder, encoder_weights=None, classes=32)


def paper_deeplabv3plus():
    encoder = smp.encoders.get_encoder("resnet18", weights=None, output_stride=16)
    return PaperDeepLabV3Plus(encoder, 256, 19)


def cases():
    size = dict(eval_size=(1, 64, 96), train_size=(2, 128, 128))
    yield Model(
        "deeplabv3/torchvision_resnet50",
        torchvision_deeplabv3,
        "deeplabv3-resnet50",
        21,
        {"dropout": "0", "aux_dropout": "0"},
        eval_size=(1, 65, 97),
        train_size=(2, 128, 128),
        run=torchvision_heads,
        aux_weight=0.5,
    )
    yield Model(
        "deeplabv3plus/smp_resnet50",
        smp_model("DeepLabV3Plus", "resnet50"),
        "deeplabv3plus-resnet50",
        32,
        {"dropout": "0"},
        **size,
    )
    yield Model(
        "deeplabv3plus/paper_resnet18",
        paper_deeplabv3plus,
        "deeplabv3plus-resnet18",
        19,
        {"dropout": "0", "style": "paper"},
        eval_size=(1, 65, 97),
        train_size=(2, 64, 80),
    )
    yield Model(
        "pspnet/smp_resnet50",
        smp_model("PSPNet", "resnet50"),
        "pspnet-resnet50",
        32,
        {"dropout": "0", "style": "smp"},
        **size,
    )
    yield Model(
        "pspnet/paper_resnet50",
        lambda: PaperPspNet(19),
        "pspnet-resnet50",
        19,
        {"dropout": "0", "aux_dropout": "0"},
        eval_size=(1, 65, 97),
        train_size=(2, 65, 89),
        run=lambda net, x: net(x),
        aux_weight=0.4,
    )
    yield Model(
        "unet/smp_resnet34",
        smp_model("Unet", "resnet34"),
        "unet-resnet34",
        32,
        {},
        **size,
    )
    yield Model(
        "pspnet_keras/tutorial",
        KerasPspNet,
        "pspnet-keras",
        3,
        {},
        **size,
        loss=squares_of_sigmoids,
    )
