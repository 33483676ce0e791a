"""One training step in PyTorch, of the two networks that `cargo bench -- train_step` times.

`resonance_256x100`: 256 sets of 100 events, per-event MLP 1-128-128-128-64 (ReLU), mean, MLP 64-128-128-128-2, the negative
log density of a Gaussian, Adam.

`default_resonance_512x100`: 512 sets of 100 events, soft bins 0.1 wide by scatter, 3 residual LayerNorm blocks of 256
(GELU), a mixture of 6 Gaussians, gradient clipping, AdamW.

    python3 -m venv peers && peers/bin/pip install -r benches/peers/requirements.txt
    peers/bin/python benches/peers/train_step.py

The two take turns, so that a change of the machine's speed meets both. `--torch` runs PyTorch alone.
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


def gaussian_loss(output, target):
    mean, log_sd = output[:, 0], output[:, 1]
    return (log_sd + 0.5 * ((target - mean) * torch.exp(-log_sd)) ** 2).mean()


def mixture_loss(output, target):
    logits, mean, log_sd = output.split(6, 1)
    log_density = -log_sd - 0.5 * ((target[:, None] - mean) * torch.exp(-log_sd)) ** 2
    return -torch.logsumexp(log_density + torch.log_softmax(logits, 1), 1).mean()


def step_time(sets, model, loss, optimiser, clip):
    """Median milliseconds of a step."""
    x, target = torch.randn(sets, 100, 1), torch.randn(sets)

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
    return step_time(256, model, gaussian_loss, torch.optim.Adam(model.parameters(), 1e-3, fused=True), False)


def default(approximate):
    model = SoftBins(approximate)
    return step_time(512, model, mixture_loss, torch.optim.AdamW(model.parameters(), 1e-3, fused=True), True)


def hierarch():
    """Median milliseconds of each step, from criterion's files."""
    subprocess.run(["cargo", "bench", "--quiet", "--", "train_step"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    names = ["resonance_256x100", "default_resonance_512x100"]
    estimates = [ROOT / "target/criterion/train_step" / name / "new/estimates.json" for name in names]
    return [json.loads(path.read_text())["median"]["point_estimate"] / 1e6 for path in estimates]


if __name__ == "__main__":
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    if "--torch" in sys.argv:
        print(f"resonance_256x100 {published():.2f} ms")
        print(f"default_resonance_512x100 {default('none'):.2f} ms with GELU by erf, {default('tanh'):.2f} ms by tanh")
        sys.exit()
    ratios = []
    for turn in range(TURNS):
        torch_times = [published(), min(default("none"), default("tanh"))]
        own_times = hierarch()
        ratios.append([own / peer for own, peer in zip(own_times, torch_times)])
        for name, own, peer in zip(["resonance_256x100", "default_resonance_512x100"], own_times, torch_times):
            print(f"turn {turn + 1}, {name}: hierarch {own:.2f} ms, PyTorch {peer:.2f} ms, ratio {own / peer:.2f}")
    for name, each in zip(["resonance_256x100", "default_resonance_512x100"], zip(*ratios)):
        print(f"{name}: median ratio {statistics.median(each):.2f}")
