#!/usr/bin/env python3
"""Polars and pandas read what this library writes as Parquet, Arrow and CSV, and it reads what they write.

Exits with 77 where they cannot be installed, after a line that says so. HIERARCH_INTEROP is the folder of the environment;
without it, one in the cache of the user.
"""

import os
import subprocess
import sys
import tempfile

PACKAGES = ["polars", "pandas", "pyarrow"]


def main():
    if len(sys.argv) > 1:
        return check(sys.argv[1])
    from environments import environment, program

    python = environment("tables", PACKAGES, (3, 10))
    if python.startswith("not "):
        print(python)
        return 77
    with tempfile.TemporaryDirectory() as folder:
        command = [program("tables")]
        subprocess.run([*command, "write", folder], check=True)
        subprocess.run([python, os.path.abspath(__file__), folder], check=True)
        subprocess.run([*command, "read", folder], check=True)
    print("polars and pandas read what hierarch writes, and it reads what they write")
    return 0


def check(folder):
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet

    def at(name):
        return os.path.join(folder, name)

    houses = [[0.5, 1.25], [], [2.0, 2.5, 3.0]]
    for table in [pl.read_parquet(at("data.parquet")), pl.read_ipc(at("data.arrow"))]:
        assert table.columns == ["uranium", "place", "kind", "floor", "radon", "count"], table.columns
        assert table["uranium"].to_list() == [-0.7, 0.25, 1.0] and table["kind"].to_list() == [0, 2, 1]
        assert [list(place) for place in table["place"].to_list()] == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
        assert table["radon"].to_list() == houses and table["count"].to_list() == [[0, 3], [], [7, 1, 2]]
        assert table["floor"].to_list() == [[True, False], [], [True, False, False]]
        # One row for each house.
        long = table.filter(pl.col("radon").list.len() > 0).explode("floor", "radon", "count")
        assert long["radon"].to_list() == [0.5, 1.25, 2.0, 2.5, 3.0]
    frame = pd.read_parquet(at("data.parquet"))
    assert [list(x) for x in frame["radon"]] == houses and frame["uranium"].tolist() == [-0.7, 0.25, 1.0]
    assert [list(x) for x in pd.read_feather(at("data.arrow"))["radon"]] == houses
    draws = {"mu": [0.5, 1.5, -2.0, 1e-300], "share[1]": [0.25, 0.5, 0.125, 1.0]}
    for read in [pl.read_csv(at("draws.csv")), pl.read_parquet(at("draws.parquet")), pl.read_ipc(at("draws.arrow"))]:
        assert read.to_dict(as_series=False) == draws
    for read in [pd.read_csv(at("draws.csv")), pd.read_parquet(at("draws.parquet"))]:
        assert read.to_dict(orient="list") == draws
    chains = pl.read_parquet(at("chains.parquet"))
    assert chains.columns[:3] == ["chain", "draw", "mu"] and chains.height == 200
    assert chains.group_by("chain").len()["len"].to_list() == [100, 100]
    assert chains.equals(pl.read_csv(at("chains.csv")).cast(chains.schema))

    # And back.
    polars, pandas = pl.read_parquet(at("data.parquet")), pd.read_parquet(at("data.parquet"))
    polars.write_parquet(at("polars.parquet"))
    polars.rename({"radon": "ln_radon"}).write_ipc(at("polars.arrow"))
    pandas.to_parquet(at("pandas.parquet"))
    pandas.rename(columns={"radon": "ln_radon"}).to_feather(at("pandas.arrow"))
    table = pl.DataFrame(draws)
    table.write_csv(at("polars.csv"))
    table.write_parquet(at("polars.draws.parquet"))
    pd.DataFrame(draws).to_csv(at("pandas.csv"), index=False)
    pd.DataFrame(draws).to_parquet(at("pandas.draws.parquet"), index=False)
    print(f"polars {pl.__version__}, pandas {pd.__version__}, pyarrow {pa.__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
