import numpy as np
from hierarch_simulator import run

TIMES = np.linspace(-3.0, 3.0, 10)


def simulate(rng, height, width):
    """Draws the light of a pulse at ten times."""
    curve = height * np.exp(-0.5 * (TIMES / width) ** 2)
    return curve + 0.2 * rng.standard_normal(TIMES.size)


run(simulate)
