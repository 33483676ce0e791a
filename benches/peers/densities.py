"""Gradients and effective draws of ordinary models: hierarch against nutpie, on the same data.

    python3 -m venv peers && peers/bin/pip install -r benches/peers/requirements.txt
    peers/bin/python benches/peers/densities.py [--posteriordb FOLDER] [--json] [NAME ..]

A gradient of nutpie is the time of a chain on one core over its leapfrog steps, its sampler included (what it costs beside
the gradient is small but for the smallest models); one of hierarch is timed alone. Effective draws are the least over all parameters,
a second of two chains of 1000 + 1000 draws on two cores, warm-up included and compilation not. The two take turns, model by model.
`diamonds` and `nes` are of posteriordb if its folder is given, and simulated at the same sizes if not; the others are simulated.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import arviz
import numpy as np
import nutpie
import pandas as pd
import pymc as pm

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH = ["cargo", "bench", "-q", "-p", "hierarch-benches", "--bench", "densities", "--"]
NAMES = ["diamonds", "nes", "nes_logistic", "radon", "irt_2pl", "mixture", "groups_10000"]


def columns(table, width):
    return table[[f"x[{c}]" for c in range(width)]].to_numpy()


def regression(table, width, likelihood):
    x = columns(table, width)
    with pm.Model() as model:
        likelihood(x, table["y"].to_numpy())
    return model


def diamonds(table):
    def likelihood(x, y):
        intercept = pm.StudentT("intercept", nu=3, mu=8, sigma=10)
        b = pm.Normal("b", 0, 1, shape=24)
        pm.Normal("y", intercept + pm.math.dot(x, b), pm.HalfCauchy("sigma", 10), observed=y)

    return regression(table, 24, likelihood)


def nes(table):
    def likelihood(x, y):
        pm.Normal("y", pm.math.dot(x, pm.Normal("beta", 0, 10, shape=9)), pm.HalfNormal("sigma", 10), observed=y)

    return regression(table, 9, likelihood)


def nes_logistic(table):
    def likelihood(x, y):
        pm.Bernoulli("y", logit_p=pm.math.dot(x, pm.Normal("beta", 0, 2.5, shape=9)), observed=y.astype(int))

    return regression(table, 9, likelihood)


def radon(table):
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0, 5), pm.HalfNormal("tau", 1)
        slope, sigma = pm.Normal("slope", 0, 1, shape=2), pm.HalfNormal("sigma", 1)
        alpha = mu + tau * pm.Normal("raw", 0, 1, shape=int(table["counties"][0]))
        mean = alpha[table["county"].to_numpy(int)] + slope[0] * table["floor"].to_numpy() + slope[1] * table["uranium"].to_numpy()
        pm.Normal("y", mean, sigma, observed=table["y"].to_numpy())
    return model


def irt_2pl(table):
    with pm.Model() as model:
        ability = pm.Normal("ability", 0, 1, shape=int(table["subjects"][0]))
        items = int(table["items"][0])
        difficulty = pm.Normal("difficulty", 0, 1, shape=items)
        discrimination = pm.LogNormal("discrimination", 0, pm.HalfNormal("spread", 1), shape=items)
        item, subject = table["item"].to_numpy(int), table["subject"].to_numpy(int)
        logit = discrimination[item] * (ability[subject] - difficulty[item])
        pm.Bernoulli("correct", logit_p=logit, observed=table["correct"].to_numpy().astype(int))
    return model


def mixture(table):
    with pm.Model() as model:
        weight = pm.Beta("weight", 5, 5)
        low = pm.Normal("low", -2, 1)
        high = low + pm.HalfNormal("gap", 4)
        sigma = pm.HalfNormal("sigma", 2, shape=2)
        components = [pm.Normal.dist(low, sigma[0]), pm.Normal.dist(high, sigma[1])]
        pm.Mixture("y", w=pm.math.stack([weight, 1 - weight]), comp_dists=components, observed=table["y"].to_numpy())
    return model


def groups_10000(table):
    with pm.Model() as model:
        mean, sd = pm.Normal("mean", 0, 1, shape=2), pm.HalfNormal("sd", 0.5, shape=2)
        group = table["groups"].to_numpy(int)
        a = pm.Normal("a", mean[0], sd[0], shape=int(group.max()) + 1)
        b = pm.Normal("b", mean[1], sd[1], shape=int(group.max()) + 1)
        rate = pm.math.exp(a[group] + b[group] * table["t"].to_numpy())
        pm.Poisson("count", rate, observed=table["count"].to_numpy(int))
    return model


def write_posteriordb(folder, out):
    """Puts the real data in the place of simulated ones."""
    data = json.loads((folder / "diamonds-diamonds.json").read_text())["data"]
    x = np.array(data["X"])[:, 1:]
    table = pd.DataFrame(x - x.mean(axis=0), columns=[f"x[{c}]" for c in range(24)])
    table.assign(y=data["Y"]).to_csv(out / "diamonds.csv", index=False)
    data = json.loads((folder / "nes1980-nes.json").read_text())["data"]
    age = np.array(data["age_discrete"])
    x = [np.ones(len(age)), data["real_ideo"], data["race_adj"], age == 2, age == 3, age == 4]
    x = np.column_stack([*x, data["educ1"], data["gender"], data["income"]]).astype(float)
    table = pd.DataFrame(x, columns=[f"x[{c}]" for c in range(9)])
    table.assign(y=np.array(data["partyid7"], float)).to_csv(out / "nes.csv", index=False)
    votes = np.array(data["partyid7"]) > 4
    table.assign(y=["true" if v else "false" for v in votes]).to_csv(out / "nes_logistic.csv", index=False)


def peer(name, table):
    compiled = nutpie.compile_pymc_model(globals()[name](table))
    started = time.perf_counter()
    trace = nutpie.sample(compiled, draws=400, tune=400, chains=1, cores=1, seed=1, save_warmup=True, progress_bar=False)
    seconds = time.perf_counter() - started
    steps = sum(int(stats["n_steps"].sum()) for stats in (trace.sample_stats, trace.warmup_sample_stats))
    microseconds = 1e6 * seconds / steps
    started = time.perf_counter()
    trace = nutpie.sample(compiled, draws=1000, tune=1000, chains=2, cores=2, seed=2, progress_bar=False)
    seconds = time.perf_counter() - started
    names = [v for v in trace.posterior.data_vars if not str(v).endswith("__")]
    ess = min(float(v.min()) for v in arviz.ess(trace.posterior[names], method="bulk").data_vars.values())
    means = {n: (float(trace.posterior[n].mean()), float(trace.posterior[n].std())) for n in names if trace.posterior[n].ndim == 2}
    return microseconds, ess / seconds, means


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--posteriordb", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder)
        subprocess.run([*BENCH, "--simulate", out], check=True, cwd=ROOT)
        if arguments.posteriordb:
            write_posteriordb(arguments.posteriordb, out)
        for name in arguments.names or NAMES:
            run = subprocess.run([*BENCH, "--data", out, name], check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            ours = json.loads(run.stdout.splitlines()[-1])
            microseconds, ess, means = peer(name, pd.read_csv(out / f"{name}.csv"))
            rows[name] = {
                "hierarch_us": ours["us"],
                "nutpie_us": microseconds,
                "hierarch_ess": ours["ess"] / ours["seconds"],
                "nutpie_ess": ess,
            }
            row = rows[name]
            agree = [abs(ours["globals"][n][0] - m) / s for n, (m, s) in means.items() if n in ours["globals"]]
            print(
                f"{name:13} gradient {row['hierarch_us']:9.2f} us, nutpie {row['nutpie_us']:9.2f} us ({row['nutpie_us'] / row['hierarch_us']:6.1f} times); "
                f"effective draws a second {row['hierarch_ess']:9.1f}, nutpie {row['nutpie_ess']:9.1f} ({row['hierarch_ess'] / row['nutpie_ess']:5.1f} times); "
                f"means differ by {max(agree, default=0):.2f} sd at most",
                flush=True,
            )
    if arguments.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
