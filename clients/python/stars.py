import numpy as np
from hierarch_simulator import run


def simulate(rng, brightness, width):
    x = np.arange(8) - 3.5
    profile = np.exp(-0.5 * (x / width) ** 2)
    image = brightness * np.outer(profile, profile)
    return image + 0.1 * rng.standard_normal(image.shape)


run(simulate)
