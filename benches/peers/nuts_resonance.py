"""NUTS on `resonance`: effective draws of the fraction each second, hierarch against nutpie, on the same data.

    python3 -m venv peers && peers/bin/pip install -r benches/peers/requirements.txt
    cargo build --release --example resonance
    peers/bin/python benches/peers/nuts_resonance.py

Both run 2 chains of 1000 + 5000 draws on the 100 events that the example simulates. What is timed is sampling, warm-up
included; nutpie's compilation is printed apart. The two take turns, so that a change of the machine's speed meets both.
"""

import json
import pathlib
import subprocess
import tempfile
import time

import arviz
import numpy as np
import nutpie
import pymc as pm

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROUNDS = 5


def hierarch(out):
    """Runs the example; its effective draws each second and its mean and sd of the fraction."""
    example = ROOT / "target" / "release" / "examples" / "resonance"
    command = [example, "--train-seconds", "0.5", "--out", out, "--mass", "2.5"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    nuts = json.loads((out / "summary.json").read_text())["nuts"]
    return nuts["ess_per_second"], nuts["fraction"]["mean"], nuts["fraction"]["sd"]


def compiled(x):
    with pm.Model() as model:
        fraction = pm.Uniform("fraction", 0, 1)
        mass = pm.Normal("mass", 1, 2)
        components = [pm.Normal.dist(mass, 0.1), pm.Normal.dist(0, 1)]
        pm.Mixture("x", w=pm.math.stack([fraction, 1 - fraction]), comp_dists=components, observed=x)
    started = time.perf_counter()
    compiled = nutpie.compile_pymc_model(model)
    print(f"nutpie {nutpie.__version__} compiled in {time.perf_counter() - started:.1f} s")
    return compiled


def nutpie_run(model, seed):
    started = time.perf_counter()
    trace = nutpie.sample(model, draws=5000, tune=1000, chains=2, cores=2, seed=seed, progress_bar=False)
    seconds = time.perf_counter() - started
    draws = trace.posterior["fraction"].values
    return float(arviz.ess(draws, method="bulk")) / seconds, draws.mean(), draws.std()


def main():
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder)
        hierarch(out)
        x = np.loadtxt(out / "data.csv", delimiter=",", skiprows=1)
        model = compiled(x)
        nutpie_run(model, 0)
        ratios = []
        for seed in range(1, ROUNDS + 1):
            ours, mean, sd = hierarch(out)
            theirs, their_mean, their_sd = nutpie_run(model, seed)
            ratios.append(ours / theirs)
            print(
                f"effective draws a second: hierarch {ours:9.0f}, nutpie {theirs:9.0f}, ratio {ours / theirs:5.2f}; "
                f"fraction {mean:.4f} +- {sd:.4f} and {their_mean:.4f} +- {their_sd:.4f}"
            )
        print(f"median ratio {np.median(ratios):.2f}")


if __name__ == "__main__":
    main()
