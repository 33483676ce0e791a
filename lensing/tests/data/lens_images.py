"""Writes lens_numpy.npy and lens_astropy.fits, which tests/lens_images.rs reads."""

from pathlib import Path

import numpy as np
from astropy.io import fits

folder = Path(__file__).parent
pattern = 10 * np.arange(3)[:, None] + np.arange(5) + 1
# The less common of each choice: the first index runs fastest, the most significant byte comes first.
np.save(folder / "lens_numpy.npy", np.asfortranarray(pattern.astype(">u2")))
# Unsigned numbers, which FITS holds with BZERO, in the first extension.
image = fits.ImageHDU(pattern.astype("u2"))
fits.HDUList([fits.PrimaryHDU(), image]).writeto(folder / "lens_astropy.fits", overwrite=True)
