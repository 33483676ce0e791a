#!/usr/bin/env python3
"""Slurm runs an array of 20 jobs, of which 3 are killed and submitted again; what they write together is, to the bit, what one
program writes.

Installs Debian's `slurm-wlm` and `munge` where they are not installed and apt can, and starts their daemons on loopback in a folder
of their own. Exits with 77 where that is not possible, after a line that says so.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DAEMONS = ["munged", "slurmctld", "slurmd"]
JOBS, SLOW = 20, [3, 7, 12]
# A configuration of one machine, which says that it has 4 processors, whatever it has.
CONFIGURATION = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmdParameters=config_overrides
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SwitchType=switch/none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=1024 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class NotHere(Exception):
    """Slurm cannot be had on this machine."""


def main():
    try:
        install()
    except NotHere as why:
        print(f"not checked: {why}")
        return 77
    from environments import program

    command = program("shards")
    with tempfile.TemporaryDirectory() as folder:
        try:
            cluster = Cluster(os.path.join(folder, "slurm"))
        except NotHere as why:
            print(f"not checked: {why}")
            return 77
        try:
            check(cluster, command, folder)
        finally:
            cluster.stop()
    print(f"Slurm: {JOBS} jobs, of which {len(SLOW)} were killed, write what one program writes")
    return 0


def installed():
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    return all(shutil.which(name) for name in [*DAEMONS, "sbatch"])


def install():
    if os.name != "posix" or os.geteuid() != 0:
        raise NotHere("Slurm's daemons, and apt, are for root")
    if installed():
        return
    if shutil.which("apt-get") is None:
        raise NotHere("there is no Slurm, and no apt to install it")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in [["update"], ["install", "-y", "--no-install-recommends", "slurm-wlm", "munge"]]:
        done = subprocess.run(["apt-get", "-qq", *arguments], env=quiet, capture_output=True, text=True)
    if not installed():
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NotHere(f"apt cannot install slurm-wlm ({said[-1] if said else 'it says nothing'})")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Cluster:
    """The daemons of Slurm on this machine, until they are stopped."""

    def __init__(self, folder):
        self.folder = folder
        for name in ["munge", "state", "spool"]:
            os.makedirs(os.path.join(folder, name), mode=0o755)
        munge = os.path.join(folder, "munge")
        key = os.open(os.path.join(munge, "key"), os.O_WRONLY | os.O_CREAT, 0o400)
        os.write(key, os.urandom(1024))
        os.close(key)
        host = socket.gethostname().split(".")[0]
        text = CONFIGURATION.format(folder=folder, host=host, controller=free_port(), daemon=free_port())
        self.path = os.path.join(folder, "slurm.conf")
        with open(self.path, "w") as file:
            file.write(text)
        with open(os.path.join(folder, "cgroup.conf"), "w") as file:
            file.write("CgroupAutomount=no\n")
        # What another Slurm around this program has set is not of this one.
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("SLURM")}
        self.environment["SLURM_CONF"] = self.path
        files = ["key", "socket", "pid", "log", "seed"]
        options = dict(zip(["--key-file", "--socket", "--pid-file", "--log-file", "--seed-file"], files))
        arguments = [f"{option}={os.path.join(munge, name)}" for option, name in options.items()]
        self.daemons = []
        try:
            # A folder of /tmp is one that others may write around.
            self.start("munged", "--foreground", "--force", *arguments)
            self.wait(lambda: os.path.exists(os.path.join(munge, "socket")), "munged makes no socket", 20)
            self.start("slurmctld", "-D", "-c")
            self.start("slurmd", "-D", "-c")
            self.wait(lambda: "idle" in self.say("sinfo", "--noheader", "--format=%T"), "no machine is idle", 60)
        except BaseException:
            self.stop()
            raise

    def start(self, name, *arguments):
        log = open(os.path.join(self.folder, f"{name}.out"), "w")
        self.daemons.append(subprocess.Popen([name, *arguments], env=self.environment, stdout=log, stderr=log))

    def wait(self, ready, otherwise, seconds):
        end = time.monotonic() + seconds
        while not ready():
            ended = [daemon.args[0] for daemon in self.daemons if daemon.poll() is not None]
            if ended or time.monotonic() > end:
                logs = {name: open(os.path.join(self.folder, name)).read()[-500:] for name in os.listdir(self.folder) if name.endswith(".out")}
                raise NotHere(f"{' and '.join(ended) + ' ended' if ended else otherwise} ({logs})".replace("\n", " "))
            time.sleep(0.2)

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def say(self, *command, **more):
        return subprocess.run(command, env={**self.environment, **more}, capture_output=True, text=True).stdout

    def run(self, *command, **more):
        environment = {**self.environment, **more}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def submit(self, *arguments, **more):
        return self.run("sbatch", "--parsable", "--mem=0", *arguments, **more)

    def until(self, holds, what, seconds=120):
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"{what}: {self.say('squeue', '--array')}"
            time.sleep(0.2)

    def until_done(self, job):
        self.until(lambda: not self.say("squeue", "--noheader", f"--jobs={job}", "--states=all").strip() or not self.left(job), f"job {job}")

    def left(self, job):
        states = self.say("squeue", "--noheader", "--array", f"--jobs={job}", "--format=%T").split()
        return [state for state in states if state in ("PENDING", "RUNNING", "COMPLETING", "SUSPENDED", "CONFIGURING")]


def check(cluster, program, folder):
    def at(*names):
        return os.path.join(folder, *names)

    def tell(what, name, **more):
        return cluster.run(program, what, at(name), **more)

    for name in ["alone", "array", "plain", "steps", "said"]:
        os.mkdir(at(name))
    tell("alone", "alone")
    template = os.path.join(HERE, "..", "cluster", "slurm.sh")
    options = ["--cpus-per-task=1", f"--output={at('said')}/%A_%a.txt"]

    # The template, in an array of which three jobs take their time, and are killed while they do.
    run = {"PROGRAM": f"{program} run {at('array')}", "HIERARCH_SHARDS": f"1-{JOBS}"}
    slow = " ".join(map(str, SLOW))
    job = cluster.submit(*options, f"--array=1-{JOBS}", template, **run, HIERARCH_SLOW=slow)
    pieces = at("array", "bank", "shards")

    def have_begun():
        names = os.listdir(pieces) if os.path.isdir(pieces) else []
        return sum(name.endswith(".begun") for name in names) >= len(SLOW)

    cluster.until(lambda: have_begun() and len(cluster.left(job)) == len(SLOW), "the slow jobs")
    cluster.run("scancel", "--signal=KILL", "--full", f"{job}_{SLOW[0]}")
    cluster.run("scancel", "--signal=KILL", "--full", f"{job}_{SLOW[1]}")
    # This one is asked to end, and saves what it has.
    cluster.run("scancel", f"{job}_{SLOW[2]}")
    cluster.until_done(job)
    missing = tell("missing", "array")
    assert missing == ",".join(map(str, SLOW)), f"missing are {missing}: {said(at('said'))}"
    asked = open(at("said", f"{job}_{SLOW[2]}.txt")).read()
    assert "interrupted; what was done is in" in asked, asked
    refused = subprocess.run([program, "merge", at("array")], capture_output=True, text=True)
    assert refused.returncode != 0 and f"lacks {missing}" in refused.stderr, refused
    job = cluster.submit(*options, f"--array={missing}", template, **run)
    cluster.until_done(job)
    assert tell("missing", "array") == "", said(at("said"))

    # An array without a word of ours, counted from 1; and 20 ranks of a step.
    script = at("script.sh")
    with open(script, "w") as file:
        file.write(f"#!/bin/sh\nexec {program} run {at('plain')}\n")
    job = cluster.submit(*options, f"--array=1-{JOBS}", script)
    cluster.until_done(job)
    with open(script, "w") as file:
        file.write(f"#!/bin/sh\nexec srun --overcommit --ntasks={JOBS} {program} run {at('steps')}\n")
    job = cluster.submit(f"--output={at('said')}/%A_%a.txt", script)
    cluster.until_done(job)

    expected = contents(at("alone"))
    assert len(expected) > 30 and "calibration.txt" in expected
    for name in ["array", "plain", "steps"]:
        tell("merge", name)
        found = contents(at(name))
        assert found.keys() == expected.keys(), f"{name}: {sorted(found)}"
        different = [file for file in expected if found[file] != expected[file]]
        assert not different, f"{name}: {different}"


def contents(folder):
    """Returns the bytes of the files of a bank and a calibration; what is of shards alone is beside them."""
    files = {}
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("shards", "calibration")]
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                files[os.path.relpath(os.path.join(path, name), folder)] = file.read()
    return files


def said(folder):
    return {name: open(os.path.join(folder, name)).read() for name in sorted(os.listdir(folder))}


if __name__ == "__main__":
    sys.exit(main())
