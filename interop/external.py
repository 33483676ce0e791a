#!/usr/bin/env python3
"""A program in Python draws observations, by the client in `clients/python`: its replies byte by byte, and the example `external`, where
networks learn from it.

Exits with 77 where NumPy cannot be installed, after a line that says so. HIERARCH_INTEROP is the folder of the environment; without
it, one in the cache of the user.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
CLIENT = os.path.join(ROOT, "clients", "python")

SIMULATOR = """
import sys
import numpy as np
from hierarch_simulator import run

def simulate(rng, kind, x):
    print("not for the pipe", sys.stdin.read())
    if kind == 0:
        return [[x, rng.random()], [rng.normal(), rng.integers(10)]]
    if kind == 1:
        return rng.random(3, dtype=np.float32)
    if kind == 2:
        return 1j
    if kind == 3:
        return rng.spawn(1)[0].random()
    raise ValueError("x is too large")

run(simulate, version="2 a")
"""


def main():
    if len(sys.argv) > 1:
        return check()
    from environments import environment

    python = environment("external", ["numpy"], (3, 9))
    if python.startswith("not "):
        print(python)
        return 77
    subprocess.run([python, os.path.abspath(__file__), "check"], check=True)
    with tempfile.TemporaryDirectory() as out:
        command = ["cargo", "run", "--release", "--example", "external", "--", "--quick", "--python", python, "--out", out]
        subprocess.run(command, cwd=ROOT, check=True)
        with open(os.path.join(out, "summary.json")) as file:
            summary = json.load(file)
    for name in ["mean", "height[0]"]:
        found = summary[name]
        assert abs(found["mean"] - found["exact mean"]) < 3 * found["exact sd"], (name, found)
    one, two = summary["simulations a second"]
    print(f"hierarch learns from a program in Python: {one:.0f} simulations a second with one process, {two:.0f} with two")
    return 0


def check():
    import numpy as np

    sys.path.insert(0, CLIENT)
    from hierarch_simulator import generator

    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "sim.py")
        with open(script, "w") as file:
            file.write(SIMULATOR)
        environment = {**os.environ, "PYTHONPATH": CLIENT}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        program = subprocess.Popen([sys.executable, script], env=environment, **pipes)
        hello = b"".join(program.stdout.readline() for _ in range(4))
        assert hello == b"hierarch simulator 1\nversion 2 a\nparameters kind x\n\n", hello

        def ask(seed, *parameters):
            program.stdin.write(struct.pack(f"<QQ{len(parameters)}d", seed, len(parameters), *parameters))
            program.stdin.flush()
            kind, count = struct.unpack("<II", program.stdout.read(8))
            body = program.stdout.read(count * max(kind, 1))
            return body.decode() if kind == 0 else np.frombuffer(body, f"<f{kind}")

        # What came before leaves no trace.
        for seed in [0, 1, 2**64 - 1, 1]:
            rng = generator(seed)
            assert ask(seed, 0, 2.5).tolist() == [2.5, rng.random(), rng.normal(), rng.integers(10)]
            single = ask(seed, 1, 0)
            assert single.dtype == np.float32 and (single == generator(seed).random(3, dtype=np.float32)).all()
        assert ask(1, 2, 0).startswith("TypeError: Cannot cast"), ask(1, 2, 0)
        assert ask(1, 3, 0).startswith("TypeError: "), ask(1, 3, 0)
        assert ask(1, 4, 0) == "ValueError: x is too large (sim.py, line 16)", ask(1, 4, 0)
        _, said = program.communicate()
        assert program.returncode == 0 and said.decode().startswith("not for the pipe"), said
    print(f"NumPy {np.__version__}, Python {sys.version.split()[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
