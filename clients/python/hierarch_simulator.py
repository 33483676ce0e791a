"""Lets hierarch draw observations by a function of Python; needs NumPy alone.

    from hierarch_simulator import run

    def simulate(rng, mass, shape):
        return mass + shape * rng.standard_normal(64)

    run(simulate)

and in Rust `External::spawn(["python3", "sim.py"])?`. The first argument of the function is a numpy.random.Generator, from which all
of its random numbers come; the others are the parameters, by whose names messages call them (`*theta` takes any number). It returns
numbers, or an array of them of any shape. An exception is a simulation that failed. To see what it did there, call it with
`generator(seed)` and the parameters of the message.
"""

import hashlib
import inspect
import os
import struct
import sys
import traceback

import numpy as np


def generator(seed):
    """Makes the generator that a simulation with this seed is handed."""
    return np.random.Generator(np.random.Philox(key=seed))


def run(simulate, version=None):
    """Answers requests for simulations until there are no more, and does not return before.

    Files of hierarch know the program by its command and its version; without one, the version is a hash of the script.
    """
    # What the function prints or reads, and what it starts, stays clear of the pipes.
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)

    lines = ["hierarch simulator 1", "version " + " ".join((version or _hash(simulate)).split())]
    names = _parameters(simulate)
    if names is not None:
        lines.append("parameters " + " ".join(names))
    replies.write(("\n".join(lines) + "\n\n").encode())
    replies.flush()

    # One generator for all requests: to make one takes longer than a small simulation.
    bits = np.random.Philox(key=0)
    rng, state = np.random.Generator(bits), bits.state
    key = state["state"]["key"]
    while True:
        head = requests.read(16)
        if len(head) < 16:
            return
        key[0], count = struct.unpack("<QQ", head)
        parameters = struct.unpack(f"<{count}d", requests.read(8 * count))
        bits.state = state
        try:
            values = np.asarray(simulate(rng, *parameters))
            single = values.dtype == np.float32
            values = values.astype("<f4" if single else "<f8", order="C", casting="same_kind", copy=False)
            head, body = struct.pack("<II", 4 if single else 8, values.size), values.tobytes()
        except Exception as error:
            body = _message(error).encode()[:65536]
            head = struct.pack("<II", 0, len(body))
        replies.write(head + body)
        replies.flush()


def _hash(simulate):
    with open(inspect.getsourcefile(simulate), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


def _parameters(simulate):
    parameters = list(inspect.signature(simulate).parameters.values())[1:]
    if any(parameter.kind == parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    return [parameter.name for parameter in parameters if parameter.kind != parameter.VAR_KEYWORD]


def _message(error):
    said = " ".join(traceback.format_exception_only(type(error), error)).strip()
    frames = traceback.extract_tb(error.__traceback__)
    return f"{said} ({os.path.basename(frames[-1].filename)}, line {frames[-1].lineno})"
