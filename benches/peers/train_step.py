"""One training step in PyTorch, of the networks that `cargo bench -- train_step` times.

`resonance_256x100`: 256 sets of 100 events, per-event MLP 1-128-128-128-64 (ReLU), mean, MLP 64-128-128-128-2, the negative
log density of a Gaussian, Adam.

`default_resonance_512x100`: 512 sets of 100 events, soft bins 0.1 wide by scatter, 3 residual LayerNorm blocks of 256
(GELU), a mixture of 6 Gaussians, gradient clipping, AdamW.

`lensing_8x25`: 8 sets of 25 images of 64 x 64, convolutions 3 x 3 in steps of 2 to 16, 32, 64 and 96 channels, a layer of
256, per-image MLP 128-128, mean, 6 residual LayerNorm blocks of 96 (all GELU), a mixture of 16 Gaussians of 2 numbers,
gradient clipping, AdamW. PyTorch's best of channels first and last, and of GELU by erf and by tanh.

    python3 -m venv peers && peers/bin/pip install -r benches/peers/requirements.txt
    peers/bin/python benches/peers/train_step.py

They take turns, so that a change of the machine's speed meets both. `--torch` runs PyTorch alone.
"""

import json
import math
import pathlib
import statistics
import subprocess
import sys
import time

import torch
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parents[2]
TURNS = 3


def mlp(*widths):
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class DeepSet(nn.Module):
    def __init__(self):
        super().__init__()
        self.event, self.set = mlp(1, 128, 128, 128, 64), mlp(64, 128, 128, 128, 2)

    def forward(self, x):
        return self.set(self.event(x).mean(1))


class Block(nn.Module):
    def __init__(self, width, approximate):
        super().__init__()
        self.norm, self.first, self.second = nn.LayerNorm(width), nn.Linear(width, width), nn.Linear(width, width)
        self.act = nn.GELU(approximate=approximate)

    def forward(self, x):
        return x + self.second(self.act(self.first(self.norm(x))))


class SoftBins(nn.Module):
    """Triangular bins 0.1 wide over [-6, 8], their mean times sqrt(n), three residual blocks, a mixture of six."""

    LOW, STEP, BINS = -6.0, 0.1, 141

    def __init__(self, approximate):
        super().__init__()
        self.inlet = nn.Linear(self.BINS, 256)
        self.blocks = nn.Sequential(*[Block(256, approximate) for _ in range(3)])
        self.norm, self.outlet = nn.LayerNorm(256), nn.Linear(256, 18)

    def forward(self, x):
        sets, n = x.shape[:2]
        at = ((x[..., 0] - self.LOW) / self.STEP).clamp(0, self.BINS - 1.001)
        knot = at.floor()
        share = at - knot
        knot = knot.long()
        bins = torch.zeros(sets, self.BINS)
        bins.scatter_add_(1, knot, 1 - share)
        bins.scatter_add_(1, knot + 1, share)
        return self.outlet(self.norm(self.blocks(self.inlet(bins / math.sqrt(n)))))


class Images(nn.Module):
    """Convolutions, a mean over images, six residual blocks, a mixture of 16 in two dimensions."""

    def __init__(self, approximate):
        super().__init__()
        gelu = lambda: nn.GELU(approximate=approximate)
        layers = []
        for a, b in [(1, 16), (16, 32), (32, 64), (64, 96)]:
            layers += [nn.Conv2d(a, b, 3, 2, 1), gelu()]
        layers += [nn.Flatten(), nn.Linear(4 * 4 * 96, 256), gelu(), nn.Linear(256, 128), gelu(), nn.Linear(128, 128), gelu()]
        self.image = nn.Sequential(*layers)
        self.inlet = nn.Linear(128, 96)
        self.blocks = nn.Sequential(*[Block(96, approximate) for _ in range(6)])
        self.norm, self.outlet = nn.LayerNorm(96), nn.Linear(96, 96)

    def forward(self, x):
        vectors = self.image(x).unflatten(0, (-1, 25)).mean(1)
        return self.outlet(self.norm(self.blocks(self.inlet(vectors))))


def images_loss(output, target):
    """A mixture of 16 Gaussians with the Cholesky factors of their precisions, diagonals as logarithms."""
    logits, x, y, log_a, log_b, c = output.split(16, 1)
    x, y = target[:, :1] - x, target[:, 1:] - y
    log_density = log_a + log_b - 0.5 * ((log_a.exp() * x) ** 2 + (log_b.exp() * y + c * x) ** 2)
    return -torch.logsumexp(log_density + torch.log_softmax(logits, 1), 1).mean()


def gaussian_loss(output, target):
    mean, log_sd = output[:, 0], output[:, 1]
    return (log_sd + 0.5 * ((target - mean) * torch.exp(-log_sd)) ** 2).mean()


def mixture_loss(output, target):
    logits, mean, log_sd = output.split(6, 1)
    log_density = -log_sd - 0.5 * ((target[:, None] - mean) * torch.exp(-log_sd)) ** 2
    return -torch.logsumexp(log_density + torch.log_softmax(logits, 1), 1).mean()


def step_time(x, target, model, loss, optimiser, clip):
    """Median milliseconds of a step."""

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss(model(x), target).backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()

    for _ in range(20):
        step()
    times = []
    for _ in range(100):
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def published():
    model = DeepSet()
    data = torch.randn(256, 100, 1), torch.randn(256)
    return step_time(*data, model, gaussian_loss, torch.optim.Adam(model.parameters(), 1e-3, fused=True), False)


def default(approximate):
    model = SoftBins(approximate)
    data = torch.randn(512, 100, 1), torch.randn(512)
    return step_time(*data, model, mixture_loss, torch.optim.AdamW(model.parameters(), 1e-3, fused=True), True)


def images(approximate, layout):
    model = Images(approximate).to(memory_format=layout)
    x = torch.randn(200, 1, 64, 64).to(memory_format=layout)
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)
    return step_time(x, torch.randn(8, 2), model, images_loss, optimiser, True)


def all_images():
    """By GELU and layout."""
    layouts = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}
    return {f"{gelu}, {name}": images(gelu, layout) for gelu in ["none", "tanh"] for name, layout in layouts.items()}


NAMES = ["resonance_256x100", "default_resonance_512x100", "lensing_8x25"]


def hierarch():
    """Median milliseconds of each step, from criterion's files."""
    subprocess.run(["cargo", "bench", "--quiet", "--", "train_step"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    estimates = [ROOT / "target/criterion/train_step" / name / "new/estimates.json" for name in NAMES]
    return [json.loads(path.read_text())["median"]["point_estimate"] / 1e6 for path in estimates]


if __name__ == "__main__":
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    if "--torch" in sys.argv:
        print(f"resonance_256x100 {published():.2f} ms")
        print(f"default_resonance_512x100 {default('none'):.2f} ms with GELU by erf, {default('tanh'):.2f} ms by tanh")
        for name, time in all_images().items():
            print(f"lensing_8x25 {time:.2f} ms with {name}")
        sys.exit()
    ratios = []
    for turn in range(TURNS):
        torch_times = [published(), min(default("none"), default("tanh")), min(all_images().values())]
        own_times = hierarch()
        ratios.append([own / peer for own, peer in zip(own_times, torch_times)])
        for name, own, peer in zip(NAMES, own_times, torch_times):
            print(f"turn {turn + 1}, {name}: hierarch {own:.2f} ms, PyTorch {peer:.2f} ms, ratio {own / peer:.2f}")
    for name, each in zip(NAMES, zip(*ratios)):
        print(f"{name}: median ratio {statistics.median(each):.2f}")
