#!/usr/bin/env python3
"""onnxruntime computes from graphs of posteriors the draws and log densities that this library does, for data of several sizes.

Exits with 77 where it cannot be installed, after a line that says so. HIERARCH_INTEROP is the folder of the environment; without
it, one in the cache of the user.
"""

import glob
import json
import os
import subprocess
import sys
import tempfile

PACKAGES = ["numpy", "onnxruntime"]
# In standard deviations of the posterior, and in nats.
TOLERANCE = 1e-5
# The library computes these in f32 from end to end, and their slopes magnify what rounding does.
FLOWS = {"affine": 1e-4, "flat": 1e-4, "spline": 1e-4}


def main():
    if len(sys.argv) > 1:
        return check(sys.argv[1])
    from environments import environment, program

    python = environment("onnx", PACKAGES, (3, 9))
    if python.startswith("not "):
        print(python)
        return 77
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program("onnx"), folder], check=True)
        subprocess.run([python, os.path.abspath(__file__), folder], check=True)
    print("onnxruntime draws from posteriors as hierarch does")
    return 0


def check(folder):
    import numpy as np
    import onnxruntime as ort

    def array(said):
        values = [np.nan if x is None else x for x in said["values"]]
        return np.array(values, dtype=said["type"]).reshape(said["shape"])

    worst = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        title = os.path.basename(path)[:-5]
        said_of = json.load(open(path[:-5] + ".json"))
        about = session.get_modelmeta().custom_metadata_map
        assert json.loads(about["globals"]) == said_of[0]["globals"], about
        outputs = [node.name for node in session.get_outputs()]
        for said in said_of:
            names = {node.name for node in session.get_inputs()} - {"normal", "uniform", "at"}
            data = {name: array(said["inputs"][name]) for name in names}
            for name, columns in json.loads(about["columns"]).items():
                assert data[name].size == 0 or data[name].shape[-1:] in [(len(columns),), ()], (name, columns)
            expected, sd = np.array(said["draws"]), np.array(said["sd"])
            normal, uniform = array(said["normal"]), np.array(said["uniform"])
            found = dict(zip(outputs, session.run(None, data | {"normal": normal, "uniform": uniform, "at": expected})))
            draws, log_density = found["draws"], found["log_density"]
            far = np.abs(expected - np.median(expected, axis=0))
            off = np.max(np.abs(draws - expected) / np.maximum(np.maximum(sd, far), 1e-9))
            height = np.array(said["log_density"])
            off_density = np.max(np.abs(log_density - height) / np.maximum(1.0, np.abs(height)))
            worst[title] = np.maximum(worst.get(title, 0.0), [off, off_density])
            # The mixture that the draws are of: in the space where they are Gaussian, the first globals of `peak` is linear.
            if title in ("peak", "ensemble"):
                weights, means, factors = found["weights"], found["means"], found["factors"]
                assert abs(weights.sum() - 1.0) < 1e-6 and np.all(factors[:, 0, 1] == 0.0)
                chosen = np.minimum((np.cumsum(weights) <= uniform[:, None]).sum(axis=1), len(weights) - 1)
                z = means[chosen] + np.einsum("nij,nj->ni", factors[chosen], normal)
                slope, _ = np.polyfit(z[:, 0], expected[:, 0] - expected[0, 0], 1)
                line = expected[0, 0] + slope * (z[:, 0] - z[0, 0])
                assert np.max(np.abs(line - expected[:, 0])) < 1e-4 * sd[0]
            # Nothing is asked for, and there is nothing outside of a support.
            none = {"normal": normal[:0], "uniform": uniform[:0], "at": expected[:0]}
            assert session.run(["draws"], data | none)[0].shape == (0, expected.shape[1])
        if title == "peak":
            at = np.array([[2459000.0, 0.4], [2459000.0, 2.1]])
            assert np.isnan(session.run(["log_density"], data | none | {"at": at})[0]).all()
    print("onnxruntime", ort.__version__, "differs by, in standard deviations and nats:")
    for title, (off, off_density) in worst.items():
        print(f"  {title:10} {off:.0e} {off_density:.0e}")
    return not all(np.all(off < FLOWS.get(title, TOLERANCE)) for title, off in worst.items())


if __name__ == "__main__":
    sys.exit(main())
