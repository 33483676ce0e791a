"""Virtual environments for the scripts of this folder, and the programs whose files they read."""

import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def environment(name, packages, least):
    """Returns the Python of an environment with these packages, or `not ...`, why there is none."""
    base = python(least)
    if base is None:
        return "not checked: there is no Python " + ".".join(map(str, least)) + " or later"
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(os.environ.get("HIERARCH_INTEROP") or os.path.join(cache, "hierarch-interop"), name)
    inside = os.path.join(folder, "Scripts" if os.name == "nt" else "bin", "python")
    wanted = "\n".join(packages)
    listed = os.path.join(folder, "wanted.txt")
    if os.path.exists(listed) and open(listed).read() == wanted:
        return inside
    shutil.rmtree(folder, ignore_errors=True)
    try:
        subprocess.run([base, "-m", "venv", folder], check=True, capture_output=True)
        subprocess.run([inside, "-m", "pip", "install", "--quiet", *packages], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or str(error).encode()).decode(errors="replace").strip().splitlines()
        return f"not checked: pip cannot install {' '.join(packages)} ({said[-1] if said else error})"
    with open(listed, "w") as file:
        file.write(wanted)
    return inside


def python(least):
    """Returns a Python of that version or later, the one that runs this first."""
    names = [sys.executable, *(f"python3.{minor}" for minor in range(20, least[1] - 1, -1))]
    pyenv = os.path.join(os.path.expanduser("~"), ".pyenv", "versions")
    if os.path.isdir(pyenv):
        names += [os.path.join(pyenv, version, "bin", "python") for version in sorted(os.listdir(pyenv), reverse=True)]
    for name in names:
        try:
            code = f"import sys, venv, ensurepip; sys.exit(sys.version_info < {least!r})"
            if subprocess.run([name, "-c", code], capture_output=True).returncode == 0:
                return name
        except OSError:
            pass
    return None


def program(name):
    """Builds the programs of this folder, and returns the path of one."""
    target = os.environ.get("CARGO_TARGET_DIR") or os.path.join(HERE, "..", "target")
    shutil.copy(os.path.join(HERE, "..", "Cargo.lock"), os.path.join(HERE, "Cargo.lock"))
    manifest = os.path.join(HERE, "Cargo.toml")
    subprocess.run(["cargo", "build", "--release", "--manifest-path", manifest, "--target-dir", target, "--bins"], check=True)
    return os.path.join(target, "release", name)
