"""The strong-lens physics of hierarch against lenstronomy and astropy: the largest difference of each.

    python3 -m venv peers && peers/bin/pip install -r benches/peers/requirements.txt
    peers/bin/python benches/peers/lensing.py

A hidden test prints Rust's values at some hundred positions around each lens and source, from 0.05 to 30 arcsec; the
same parameters go to lenstronomy. Both Einstein radii are those of the ellipse with a mean convergence of one, and both
Sersic radii those of the ellipse of equal area. Converted are (q, angle) to (e1, e2), an NFW halo to the deflection at
its scale radius, and what lenstronomy 1.14 rounds: its Sersic exponent is b = 1.9992 n - 0.3271, so it is given the
radius at which its profile is that of the exact b; its constants are older (G = 6.67384e-11, a Sun of 1.9891e30 kg), by
which its critical surface density is 2.8e-4 lower, so masses are converted by astropy.

All agree to 1e-12 but NFW deflections and potentials (1e-11 and 2e-10, of 1e12 Msun): far inside the scale radius they
are differences of large terms as lenstronomy computes them.
"""

import json
import math
import pathlib
import subprocess

import numpy as np
from astropy import constants, units
from astropy.cosmology import Planck15
from lenstronomy.LensModel.lens_model import LensModel
from lenstronomy.LightModel.light_model import LightModel
from lenstronomy.Util.data_util import magnitude2cps
from lenstronomy.Util.param_util import phi_q2_ellipticity
from scipy.special import gammaincinv

ROOT = pathlib.Path(__file__).resolve().parents[2]
ARCSEC = units.arcsec.to(units.rad)


def printed():
    """The JSON objects that the test prints, one on a line."""
    command = ["cargo", "test", "--release", "-p", "hierarch-tests", "--test", "lenses", "--", "--ignored", "--nocapture", "lensing::table_for_peers"]
    output = subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def report(what, ours, theirs):
    """The largest difference, relative to the largest value around."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    scale = np.maximum(np.abs(ours), np.abs(theirs))
    # The component of a vector may be zero: it is compared with the vector's length.
    scale = np.linalg.norm(scale, axis=-1, keepdims=True) if ours.ndim == 2 else scale
    difference = np.abs(ours - theirs)
    worst = np.max(np.divide(difference, scale, out=np.zeros_like(difference), where=scale > 0))
    print(f"{what:60} {worst:.1e}")


def center(parameters):
    x, y = parameters["center"]
    return {"center_x": x, "center_y": y}


def ellipticity(parameters):
    e1, e2 = phi_q2_ellipticity(parameters["angle"], parameters["q"])
    return {"e1": e1, "e2": e2}


def nfw(parameters):
    """Scale radius in arcsec and the deflection there, from M200 and concentration."""
    z_lens, z_source = 0.2, 1.0
    d_lens, d_source = Planck15.angular_diameter_distance([z_lens, z_source])
    d_between = Planck15.angular_diameter_distance(z_lens, z_source)
    mass, c = parameters["m200"] * units.Msun, parameters["concentration"]
    r200 = (mass / (4 / 3 * math.pi * 200 * Planck15.critical_density(z_lens))) ** (1 / 3)
    scale = (r200 / c).to(units.Mpc)
    density = mass / (4 * math.pi * scale**3 * (math.log(1 + c) - c / (1 + c)))
    critical = constants.c**2 / (4 * math.pi * constants.G) * d_source / (d_lens * d_between)
    radius = float(scale / d_lens) / ARCSEC
    strength = float((density * scale / critical).to(units.dimensionless_unscaled))
    return {"Rs": radius, "alpha_Rs": 4 * strength * radius * (1 - math.log(2))}


def sersic(p):
    """The index, and the radius with which lenstronomy's b gives the profile of the exact one."""
    n = p["n_sersic"]
    return {"R_sersic": p["R_sersic"] * ((1.9992 * n - 0.3271) / gammaincinv(2 * n, 0.5)) ** n, "n_sersic": n}


def their_lens(name, p):
    """lenstronomy's name and parameters of a lens."""
    if name == "SIE":
        # `EPL` with slope 2 is exact; lenstronomy's `SIE` has a small core.
        return "EPL", {"theta_E": p["theta_E"], "gamma": 2.0} | center(p) | ellipticity(p)
    if name == "SIS":
        return "SIS", {"theta_E": p["theta_E"]} | center(p)
    if name == "NFW":
        return "NFW", nfw(p) | center(p)
    return "SHEAR", {"gamma1": p["gamma1"], "gamma2": p["gamma2"]}


def main():
    positions = None
    for line in printed():
        if "positions" in line:
            positions = np.array(line["positions"])
            x, y = positions.T
        elif "deflector" in line:
            name, parameters = line["deflector"], line["parameters"]
            their_name, theirs = their_lens(name, parameters)
            model, label = LensModel([their_name]), f"{name} {shown(parameters)}"
            report(f"{label}: deflection", line["deflection"], np.transpose(model.alpha(x, y, [theirs])))
            report(f"{label}: potential", line["potential"], model.potential(x, y, [theirs]))
            report(f"{label}: convergence", line["convergence"], model.kappa(x, y, [theirs]))
        elif "sersic" in line:
            p = line["sersic"]
            theirs = sersic(p) | center(p) | ellipticity(p)
            model = LightModel(["SERSIC_ELLIPSE"])
            norm = line["flux"] / model.total_flux([theirs | {"amp": 1.0}])[0]
            report(f"Sersic {shown(p)}", line["brightness"], model.surface_brightness(x, y, [theirs | {"amp": norm}]))
        elif "redshift" in line:
            z = line["redshift"]
            report(f"comoving distance to z = {z}", [line["comoving_distance"]], [Planck15.comoving_distance(z).value])
            density = Planck15.critical_density(z).to("Msun / Mpc3").value
            report(f"critical density at z = {z}", [line["critical_density"]], [density])
        elif "magnitude" in line:
            counts = magnitude2cps(line["magnitude"], line["photometry"]["zero_point"]) * line["photometry"]["exposure"]
            report("counts of a magnitude", [line["counts"]], [counts])
        elif "geometry" in line:
            between = Planck15.angular_diameter_distance(0.2, 1.0).value
            report("angular diameter distance from z = 0.2 to 1", [line["geometry"]["lens_source_distance"]], [between])


def shown(parameters):
    return ", ".join(f"{name} {value:.4g}" for name, value in parameters.items() if name != "center")


if __name__ == "__main__":
    main()
