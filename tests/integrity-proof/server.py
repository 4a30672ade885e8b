"""A PostgreSQL server of the proof's own: one cluster, thrown away afterwards."""

import json
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
import time


def server_user():
    """PostgreSQL refuses to run as root; then it is postgres's."""
    return pwd.getpwnam("postgres") if os.geteuid() == 0 else None


class Server:
    def __init__(self, bindir, settings=()):
        self.bindir = pathlib.Path(bindir)
        self.user = server_user()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pgkeel-proof-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.data = self.folder / "pg" / "data"
        self.data.parent.mkdir()
        if self.user:
            os.chown(self.data.parent, self.user.pw_uid, self.user.pw_gid)
        self.tool("initdb", "--no-sync", "--data-checksums", "--auth=trust", "--username=postgres",
                  "--encoding=UTF8", "--locale=C.UTF-8", f"--pgdata={self.data}")
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write("listen_addresses = ''\n"
                       f"unix_socket_directories = '{self.data.parent}'\n"
                       "fsync = off\n"
                       "checkpoint_timeout = 1h\n"
                       "max_wal_size = 4GB\n")
            conf.writelines(line + "\n" for line in settings)

    def tool(self, name, *args):
        """A program of the server's, as the server's user."""
        extra = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        done = subprocess.run([self.bindir / name, *args], capture_output=True, text=True, check=False,
                              cwd="/", env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
                              stdin=subprocess.DEVNULL, **extra)
        if done.returncode != 0:
            raise RuntimeError(f"{name} failed: {done.stderr or done.stdout}")
        return done.stdout

    def start(self):
        # The server keeps what it inherits: nothing may be left open to it that somebody waits for.
        log = self.data.parent / "server.log"
        self.tool("pg_ctl", f"--pgdata={self.data}", f"--log={log}", "-w", "start")

    def stop(self, mode="fast"):
        if (self.data / "postmaster.pid").exists():
            self.tool("pg_ctl", f"--pgdata={self.data}", f"--mode={mode}", "-w", "stop")

    def remove(self):
        try:
            self.stop("immediate")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def set_fsync(self, value):
        """Off while databases are made, on while they are looked at: it is one of the things looked at."""
        self.psql("postgres", f"ALTER SYSTEM SET fsync = {value};\nSELECT pg_reload_conf();")
        # The reload is told to the server; sessions begun after it has been taken have it.
        for _ in range(1200):
            if self.psql("postgres", "SHOW fsync;").strip() == value:
                return
            time.sleep(0.05)
        raise RuntimeError(f"fsync does not become {value}")

    def url(self, database):
        return f"postgresql://postgres@/{database}?host={self.data.parent}"

    def psql(self, database, sql, files=()):
        """Runs files, then sql, in one session; returns what is printed, bare."""
        command = [self.bindir / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.url(database)]
        for file in files:
            command += ["-f", file]
        done = subprocess.run([*command, "-f", "-"], input=sql, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{database}: {done.stderr.strip()}")
        return done.stdout

    def query(self, database, sql):
        """The one JSON value that sql returns."""
        return json.loads(self.psql(database, sql))

    def copy(self, database, template):
        self.psql("postgres", f"DROP DATABASE IF EXISTS {database};")
        self.psql("postgres", f"CREATE DATABASE {database} TEMPLATE {template};")
