#!/usr/bin/env python3
"""Shards fill a bank in an object store, networks learn from it and are saved there: to the bit what a folder has. The store is moto, which
answers as S3 does, on loopback; then the same behind a proxy that fails, drops and cuts what passes.

Exits with 77 where moto cannot be installed, after a line that says so. HIERARCH_INTEROP is the folder of the environment; without it,
one in the cache of the user.
"""

import http.client
import http.server
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

COUNT = 4
KEYS = {"AWS_ACCESS_KEY_ID": "of-a-test", "AWS_SECRET_ACCESS_KEY": "of-a-test"}


def main():
    if len(sys.argv) > 1:
        return check(sys.argv[1])
    from environments import environment, program

    python = environment("object_store", ["moto[server]"], (3, 10))
    if python.startswith("not "):
        print(python)
        return 77
    command = program("objects")
    return subprocess.run([python, os.path.abspath(__file__), command]).returncode


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Proxy(http.server.BaseHTTPRequestHandler):
    """Answers the first request for each object with 503, the first for a plan with nothing, and the second for a file with half of it; and
    refuses all that is secret."""

    protocol_version = "HTTP/1.1"
    store = None
    asked, failed, lock = {}, {"503": 0, "dropped": 0, "cut": 0}, threading.Lock()

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        what = (self.command, self.path)
        with self.lock:
            time_of = self.asked[what] = self.asked.get(what, 0) + 1
        if time_of == 1 and "plan.txt" in self.path:
            self.failed["dropped"] += 1
            self.close_connection = True
            return
        if "/secret/" in self.path:
            return self.reply(403, [], b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
        if time_of == 1 and "/joint/set-" not in self.path:
            self.failed["503"] += 1
            return self.reply(503, [], b"<Error><Code>SlowDown</Code></Error>")
        to = http.client.HTTPConnection("127.0.0.1", self.store)
        to.request(self.command, self.path, body, dict(self.headers))
        got = to.getresponse()
        said = got.read()
        to.close()
        cut = time_of == 2 and self.command == "GET" and got.status == 200 and self.path.endswith(".safetensors")
        self.failed["cut"] += cut
        headers = [(name, value) for name, value in got.getheaders() if name.lower() not in ("connection", "content-length", "transfer-encoding")]
        length = got.getheader("Content-Length") if self.command == "HEAD" else len(said)
        self.reply(got.status, [*headers, ("Content-Length", length or 0)], said[: len(said) // 2] if cut else said)
        if cut:
            self.close_connection = True

    def reply(self, status, headers, body):
        self.send_response(status)
        for name, value in headers or [("Content-Length", len(body)), ("Content-Type", "application/xml")]:
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer

    def log_message(self, *_):
        pass


def check(command):
    import boto3

    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        log = open(os.path.join(folder, "moto.log"), "w")
        server = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        moto = subprocess.Popen(server, stdout=log, stderr=log)
        try:
            end = time.monotonic() + 60
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    assert moto.poll() is None and time.monotonic() < end, open(log.name).read()
                    time.sleep(0.1)
            endpoint = f"http://127.0.0.1:{port}"
            client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="a")
            client.create_bucket(Bucket="bucket")
            return against(Store(command, folder, port, client))
        finally:
            moto.terminate()
            moto.wait()


class Store:
    def __init__(self, command, folder, port, client):
        self.command, self.folder, self.port, self.client = command, folder, port, client

    def environment(self, **more):
        own = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "HIERARCH_"))}
        # What has no credentials asks the machine for its role: here, a port where nobody listens.
        metadata = {"AWS_METADATA_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
        return {**own, **metadata, "AWS_ENDPOINT": f"http://127.0.0.1:{self.port}", "AWS_ALLOW_HTTP": "true", **KEYS, **more}

    def call(self, *arguments, without=(), **more):
        environment = {key: value for key, value in self.environment(**more).items() if key not in without}
        return subprocess.run([self.command, *arguments], env=environment, cwd=self.folder, capture_output=True, text=True)

    def run(self, *arguments, **more):
        done = self.call(*arguments, **more)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def refuse(self, *arguments, **more):
        begun = time.monotonic()
        done = self.call(*arguments, **more)
        assert done.returncode != 0, f"{arguments}: {done.stdout}{done.stderr}"
        print(f"{time.monotonic() - begun:.1f} s: {done.stderr.strip()}")
        return done.stderr

    def shard(self, index, at, **more):
        return self.run("run", at, HIERARCH_SHARD=str(index), HIERARCH_SHARDS=str(COUNT), **more)

    def names(self, prefix):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def bytes(self, key):
        return self.client.get_object(Bucket="bucket", Key=key)["Body"].read()


def against(store):
    local = os.path.join(store.folder, "local")
    store.run("fill", local)
    learned, others = store.run("learn", local), store.run("others", local)

    # An array of which one shard is not run, and one is killed.
    at = "s3://bucket/an array"
    assert store.shard(0, at) == "1-3" and store.shard(3, at) == "1-2"
    slow = store.environment(HIERARCH_SHARD="2", HIERARCH_SHARDS=str(COUNT), HIERARCH_SLOW="1")
    killed = subprocess.Popen([store.command, "run", at], env=slow, cwd=store.folder, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while not any(name.endswith(".begun") for name in store.names("an array/bank/shards/")):
        assert killed.poll() is None and time.monotonic() < end, store.names("an array")
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert store.run("missing", at) == "1-2"
    assert "s3://bucket/an array/bank has 2 of 4 shards, and lacks 1-2" in store.refuse("fill", at)
    assert store.shard(2, at) == "1" and store.shard(1, at) == ""
    same(store, "an array", at, local, learned, others)

    # A store that is busy, and a net that is not reliable.
    Proxy.store = store.port
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    proxy.daemon_threads = True
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    moto, store.port = store.port, proxy.server_address[1]
    at = "s3://bucket/flaky"
    for index in range(COUNT):
        store.shard(index, at)
    same(store, "flaky", at, local, learned, others)
    error = store.refuse("load", "s3://bucket/secret")
    assert "the store refuses it: correct the credentials" in error, error
    store.port = moto
    failed = ", ".join(f"{count} {what}" for what, count in Proxy.failed.items())
    assert all(count > 3 for count in Proxy.failed.values()), failed
    print(f"behind a proxy of whose {sum(Proxy.asked.values())} requests some failed ({failed}): the same")
    proxy.shutdown()

    error = store.refuse("fill", "s3://nowhere/array")
    assert "s3://nowhere/array/bank/" in error and "there is no bucket `nowhere`: create it" in error, error
    error = store.refuse("load", "s3://bucket/empty")
    assert "cannot read s3://bucket/empty/posterior.safetensors: there is no such object" in error, error
    error = store.refuse("missing", "s3://bucket/empty")
    assert "s3://bucket/empty/bank has no shards" in error, error
    error = store.refuse("fill", at, without=["AWS_ALLOW_HTTP"])
    assert "set AWS_ALLOW_HTTP=true" in error, error
    error = store.refuse("fill", at, without=KEYS)
    assert "there are no credentials: set AWS_ACCESS_KEY_ID" in error, error
    error = store.refuse("fill", "ftp://bucket/array")
    assert "nothing is known of the scheme `ftp://`" in error, error
    error = store.refuse("fill", "s3:///array")
    assert "the address has no bucket" in error, error
    assert sorted(os.listdir(store.folder)) == ["local", "moto.log"], os.listdir(store.folder)
    print("banks, chains and tables in an object store are to the bit those of a folder, and posteriors draw the same")
    return 0


def same(store, name, at, local, learned, others):
    """Reads the bank at an address, learns from it, and compares what is written with the files of a folder."""
    assert store.run("missing", at) == "" and store.run("fill", at) == "2500"
    assert store.run("learn", at) == learned and store.run("others", at) == others
    for folder in ["bank", ""]:
        here = os.path.join(local, folder)
        files = sorted(file for file in os.listdir(here) if os.path.isfile(os.path.join(here, file)))
        prefix = f"{name}/{folder}/".replace("//", "/")
        there = sorted(key[len(prefix):] for key in store.names(prefix) if "/" not in key[len(prefix):])
        assert files == there, (files, there)
        for file in files:
            # Networks, and trainings, say how long they took.
            if file not in ("posterior.safetensors", "training.safetensors"):
                assert store.bytes(prefix + file) == open(os.path.join(here, file), "rb").read(), (name, file)
    joint = {key.split("/")[2] for key in store.names(f"{name}/joint/")}
    assert len(joint) == 2 and ".hierarch-set" in joint, joint


if __name__ == "__main__":
    sys.exit(main())
