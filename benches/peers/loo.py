"""LOO, WAIC and comparison against ArviZ, on log likelihoods that the library writes.

    python3 -m venv peers && peers/bin/pip install -r benches/peers/requirements.txt
    peers/bin/python benches/peers/loo.py

A test fits two models to 80 numbers with two outliers (4 chains of 1000 draws), and writes the log likelihood of each number
at each draw with what it makes of it. ArviZ reads the former. Printed are the largest differences.
"""

import os
import pathlib
import subprocess
import tempfile
import warnings

import arviz as az
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHAINS = 4


def write(folder):
    """Runs the test; its results by name."""
    command = ["cargo", "test", "--release", "-p", "hierarch", "--lib", "table_for_arviz", "--", "--ignored", "--nocapture"]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "HIERARCH_LOO_OUT": str(folder)})
    lines = (line.split("|") for line in (folder / "found.txt").read_text().splitlines())
    return {name: np.array([float(x) for x in numbers.split(",") if x]) for name, numbers in lines}


def inference_data(matrix):
    by_chain = matrix.reshape(len(matrix), CHAINS, -1).transpose(1, 2, 0)
    return az.from_dict(posterior={"first": by_chain[:, :, 0]}, log_likelihood={"x": by_chain})


def row_by_row(matrix):
    """PSIS-LOO with the relative efficiency of each row, which `az.loo` has no option for: elpd and k-hat of each."""
    pointwise, shapes = [], []
    for row in matrix:
        likelihood = np.exp(row - row.max()).reshape(CHAINS, -1)
        log_weights, k = az.psislw(-row.copy(), float(az.ess(likelihood, method="mean")) / row.size)
        pointwise.append(np.logaddexp.reduce(np.asarray(log_weights) + row))
        shapes.append(float(k))
    return np.array(pointwise), np.array(shapes)


def report(what, found, expected):
    print(f"{what:<34} ArviZ {np.round(np.ravel(expected)[:3], 6)}  largest difference {np.max(np.abs(found - expected)):.1e}")


def main():
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        found = write(folder)
        matrices = {name: np.loadtxt(folder / f"{name}.csv", delimiter=",") for name in ("mean", "wide")}
    print(f"ArviZ {az.__version__}")
    loos = {}
    for name, matrix in matrices.items():
        data = inference_data(matrix)
        loo = loos[name] = az.loo(data, pointwise=True, reff=1.0)
        report(f"{name}: elpd_loo, se, p_loo", found[f"{name} loo reff=1"][:3], [loo.elpd_loo, loo.se, loo.p_loo])
        report(f"{name}: loo_i", found[f"{name} loo reff=1 pointwise"], loo.loo_i.values)
        report(f"{name}: pareto_k", found[f"{name} loo reff=1 k"], loo.pareto_k.values)
        pointwise, k = row_by_row(matrix)
        report(f"{name}: loo_i, reff of each row", found[f"{name} loo pointwise"], pointwise)
        report(f"{name}: pareto_k, reff of each row", found[f"{name} loo k"], k)
        waic = az.waic(data, pointwise=True)
        report(f"{name}: elpd_waic, se, p_waic", found[f"{name} waic"][:3], [waic.elpd_waic, waic.se, waic.p_waic])
        report(f"{name}: waic_i", found[f"{name} waic pointwise"], waic.waic_i.values)
    table = az.compare(loos, method="stacking")
    for name in loos:
        row = table.loc[name]
        numbers = [row[x] for x in ("elpd_loo", "p_loo", "elpd_diff", "se", "dse")]
        ours = found[f"compare {name}"]
        report(f"compare {name}: elpd, p, diff, ...", ours[[0, 1, 2, 4, 5]], [float(x) for x in numbers])
        print(f"compare {name}: stacking weight {ours[3]:.6f}, ArviZ {row.weight:.6f}")


if __name__ == "__main__":
    main()
