#!/usr/bin/env python3
"""ArviZ reads what this library writes: 0.2x and 1.x, each in a virtual environment of its own outside of the repository.

Exits with 77 where the packages cannot be installed, after a line that says so. HIERARCH_INTEROP is the folder of the
environments; without it, one in the cache of the user.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

# `arviz.from_zarr` of 0.2x is for zarr 2, which an xarray of its time reads; 1.x needs Python 3.12.
VERSIONS = {
    "arviz-0": (["arviz>=0.20,<1", "zarr<3", "xarray<2025", "matplotlib"], (3, 10)),
    "arviz-1": (["arviz>=1", "zarr", "matplotlib", "pandas"], (3, 12)),
}


def main():
    if len(sys.argv) > 1:
        return check(sys.argv[1])
    from environments import environment, program

    with tempfile.TemporaryDirectory() as folder:
        pythons = {name: environment(name, packages, least) for name, (packages, least) in VERSIONS.items()}
        usable = {name: python for name, python in pythons.items() if not python.startswith("not ")}
        if usable:
            command = [program("arviz")]
            subprocess.run([*command, folder], check=True)
            kill_chains([*command, folder, "long"], os.path.join(folder, "killed.zarr"))
        for name, python in usable.items():
            subprocess.run([python, os.path.abspath(__file__), folder], check=True, env={**os.environ, "MPLBACKEND": "Agg"})
    missing = [f"{name}: {why}" for name, why in pythons.items() if name not in usable]
    if missing:
        print("; ".join(missing))
        return 77
    return 0


def kill_chains(command, store):
    """Runs chains until their store holds some draws, and kills them."""
    child = subprocess.Popen(command)
    deadline = time.monotonic() + 120
    try:
        while time.monotonic() < deadline and child.poll() is None:
            try:
                with open(os.path.join(store, ".zmetadata")) as file:
                    if json.load(file)["metadata"]["posterior/mu/.zarray"]["shape"][1] > 1000:
                        return
            except FileNotFoundError:
                pass
            time.sleep(0.02)
        raise AssertionError("the chains wrote no draws")
    finally:
        child.kill()
        child.wait()


def check(folder):
    import arviz as az
    import matplotlib.pyplot as plt
    import numpy as np

    old = az.__version__.startswith("0.")
    said = json.load(open(os.path.join(folder, "said.json")))

    def read(name):
        data = az.from_zarr(os.path.join(folder, name))
        groups = data.groups() if old else data.children
        return data, set(groups)

    def same(found, expected, what, digits=3):
        found, expected = np.asarray(found, float), np.asarray(expected, float)
        scale = np.maximum(np.abs(expected), 1e-3)
        worst = np.max(np.abs(found - expected) / scale)
        assert worst < 0.5 * 10.0 ** (1 - digits), f"{what}: {found} is not {expected}"

    def table_is(data, table, exact):
        table = sorted(table, key=lambda row: row["name"])
        summary = az.summary(data, round_to="none" if not old else 12)
        assert len(summary) == len(table), f"{list(summary.index)} for {[row['name'] for row in table]}"
        by_name = {name.split("[")[0] for name in summary.index}
        assert by_name == {row["name"].split("[")[0] for row in table}
        if exact:
            columns = [("mean", "mean"), ("sd", "sd"), ("ess_bulk", "ess_bulk"), ("r_hat", "rhat")]
            # ArviZ 1.x takes other quantiles for the tails.
            columns += [("ess_tail", "ess_tail")] if old else []
            names = [row["name"] for row in table]
            order = np.argsort(list(summary.index), kind="stable")
            for theirs, ours in columns:
                found = np.asarray(summary[theirs].astype(float))[order]
                same(found, [row[ours] for row in table], f"{theirs} of {names}")
        return summary

    # Chains of NUTS.
    data, groups = read("chains.zarr")
    expected = said["chains"]
    assert groups == {
        "posterior", "sample_stats", "unconstrained_posterior", "log_likelihood", "observed_data", "constant_data", "prior",
        "prior_predictive", "posterior_predictive",
    }, groups
    print(table_is(data, expected["table"], True))
    for name, loo in expected["loo"].items():
        theirs = az.loo(data, var_name=name, pointwise=True)
        same([theirs.elpd_loo, theirs.p_loo] if old else [theirs.elpd, theirs.p], [loo["elpd"], loo["p"]], f"LOO of {name}")
        rows = theirs.loo_i if old else theirs.elpd_i
        same(rows, loo["rows"], f"LOO of each {name}")
    posterior, unconstrained = data["posterior"], data["unconstrained_posterior"]
    assert posterior["intercept"].dims == ("chain", "draw", "county") and posterior["beta"].dims[2] == "beta_dim_0"
    assert posterior["intercept"].sel(county="Cöunty 3").shape == (4, 1000)
    raw, uranium = posterior["raw"].values, np.asarray(expected["uranium"])
    mu, tau = posterior["mu"].values[..., None], posterior["tau"].values[..., None]
    same(posterior["intercept"].values, mu + posterior["beta"].values[..., :1] * uranium + tau * raw, "intercept", 12)
    same(unconstrained["tau"].values, np.log(posterior["tau"].values), "log of tau", 9)
    same(unconstrained["raw"].values, raw, "raw", 12)
    assert unconstrained["share"].shape == (4, 1000, 2)
    stats = data["sample_stats"]
    assert set(stats.data_vars) == {
        "acceptance_rate", "diverging", "energy", "lp", "n_steps", "step_size", "tree_depth",
    }
    assert stats["diverging"].dtype == bool and int(stats["diverging"].sum()) == expected["divergences"]
    bfmi = az.bfmi(data) if old else az.bfmi(data)["energy"]
    same(bfmi, expected["bfmi"], "BFMI")
    assert abs(float(stats["acceptance_rate"].mean()) - 0.9) < 0.07
    assert (stats["n_steps"] >= 2 ** stats["tree_depth"] - 1).all() and (stats["n_steps"] < 2 ** (stats["tree_depth"] + 1)).all()
    assert (stats["step_size"].min("draw") == stats["step_size"].max("draw")).all()
    # The energy is minus the log density before a step, plus that of the momentum.
    assert float((stats["energy"][:, 1:].values + stats["lp"][:, :-1].values).min()) > 0
    houses = data["observed_data"]["radon"]
    same(houses.values, expected["radon"], "radon", 12)
    counts = np.diff(expected["offsets"])
    assert list(houses["county_of_houses"].values) == [f"Cöunty {i}" for i, n in enumerate(counts) for _ in range(n)]
    assert data["constant_data"]["floor"].dtype == bool and data["observed_data"]["vote"].dtype.kind == "i"
    predicted = data["posterior_predictive"]["radon"]
    assert predicted.dims == ("chain", "draw", "houses")
    sd = float(posterior["sigma"].mean())
    assert abs(predicted.mean(("chain", "draw")).values - posterior["intercept"].mean(("chain", "draw")).values.repeat(counts)).max() < 1.5 * sd
    prior = data["prior"]
    assert prior["raw"].dims == ("chain", "draw", "county") and abs(float(prior["mu"].mean()) - 1.0) < 0.3

    def drawn(what, draw):
        plt.close("all")
        draw()
        name = os.path.join(folder, f"{what}.png")
        if plt.get_fignums():
            plt.gcf().savefig(name)
            assert os.path.getsize(name) > 5000, what
        else:
            raise AssertionError(f"{what} draws nothing")

    drawn("trace", lambda: az.plot_trace(data, var_names=["mu", "tau"]))
    drawn("forest", lambda: az.plot_forest(data, var_names=["intercept"], combined=True))
    drawn("energy", lambda: az.plot_energy(data))
    ppc = az.plot_ppc if old else az.plot_ppc_dist
    drawn("ppc", lambda: ppc(data, var_names=["radon"], num_pp_samples=50) if old else ppc(data, var_names=["radon"]))

    # Chains that were killed: the longest has all draws, and each those that it has made.
    killed, groups = read("killed.zarr")
    assert groups == {"posterior", "sample_stats", "observed_data", "constant_data"}, groups
    draws = killed["posterior"]["intercept"]
    assert draws.dims == ("chain", "draw", "county") and draws.sizes["draw"] > 1000
    there = np.isfinite(draws.values).all(-1)
    made = there.sum(-1)
    assert made.max() == draws.sizes["draw"], made
    assert all(there[chain, :n].all() and not there[chain, n:].any() for chain, n in enumerate(made)), made
    assert (np.isfinite(killed["sample_stats"]["lp"].values).sum(-1) == made).all()
    longest = int(made.argmax())
    of_longest = killed["posterior"]["mu"].values[longest, : made.max()]
    assert abs(of_longest.mean() - float(posterior["mu"].mean())) < 0.5 * float(posterior["mu"].std())

    # Other posteriors.
    data, groups = read("neural.zarr")
    assert {"posterior", "observed_data", "prior_sbc", "posterior_predictive", "log_likelihood"} <= groups, groups
    shares = data["prior_sbc"]
    assert shares["mass"].shape == (1, 300) and 0.0 < float(shares["mass"].min()) < float(shares["mass"].max()) < 1.0
    if not old:
        drawn("ecdf", lambda: az.plot_ecdf_pit(data, group="prior_sbc"))
    summaries = {}
    for name in ["neural", "weighted", "ratio"]:
        data, groups = read(f"{name}.zarr")
        assert "sample_stats" not in groups
        summary = table_is(data, said[name], False)
        for row in said[name]:
            # Drawn again, so that they agree within the error of the draws.
            found = summary.loc[row["name"]]
            off = abs(float(found["mean"]) - row["mean"]) / row["sd"]
            assert off < 0.15 and abs(float(found["sd"]) / row["sd"] - 1) < 0.15, (name, row, found)
    print(f"ArviZ {az.__version__} reads chains, neural, weighted and ratio posteriors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
