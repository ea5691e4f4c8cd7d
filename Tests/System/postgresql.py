"""A PostgreSQL server of the tests' own, in a folder of its own, which waits for its disk as any server does."""
import os
import shutil
import signal
import subprocess
import tempfile
import time

PROGRAMS = "/usr/lib/postgresql/15/bin"
# initdb and the server refuse to run as root.
USER = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []


def run(*arguments, check=True):
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=60, cwd="/", stdin=subprocess.DEVNULL)
    assert not check or result.returncode == 0, f"{arguments}: {result.stdout}{result.stderr}"
    return result


class PostgreSQL:
    """Reached over a Unix socket in its folder; also at `address` in the network namespace of `enter`."""

    def __init__(self, address=None, enter=()):
        self.folder = tempfile.mkdtemp(prefix="daruma-pg-")
        self.data, self.enter = self.folder + "/data", list(enter)
        shutil.chown(self.folder, "postgres")
        os.chmod(self.folder, 0o755)
        run(*USER, f"{PROGRAMS}/initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale", "C",
            "--no-sync")
        with open(self.data + "/postgresql.conf", "a") as settings:
            settings.write(
                f"listen_addresses = '{address or ''}'\nunix_socket_directories = '{self.folder}'\n"
                "shared_buffers = 32MB\nmax_connections = 200\n")
        with open(self.data + "/pg_hba.conf", "w") as rules:
            rules.write("local all guarded scram-sha-256\nlocal all all trust\nhost all all 0.0.0.0/0 trust\n")
        self.count = 0
        self.process = None
        self.start()

    def start(self, *settings):
        options = [word for setting in settings for word in ("-c", setting)]
        self.log = open(self.folder + "/log", "a")
        self.process = subprocess.Popen(
            [*self.enter, *USER, f"{PROGRAMS}/postgres", "-D", self.data, *options], stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log, cwd="/")
        deadline = time.monotonic() + 30
        while run(*USER, f"{PROGRAMS}/pg_isready", "-q", "-h", self.folder, check=False).returncode != 0:
            assert time.monotonic() < deadline, open(self.folder + "/log").read()[-2000:]
            if self.process.poll() is not None:
                # Just after it was killed, what is left of it may still be in the way.
                return self.start(*settings)
            time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)

    def kill(self):
        """SIGKILL, for all of the server's processes at once."""
        pid = self.process.pid
        os.kill(pid, signal.SIGSTOP)
        for child in open(f"/proc/{pid}/task/{pid}/children").read().split():
            os.kill(int(child), signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def remove(self):
        if self.process.poll() is None:
            self.kill()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self):
        """A connection string to an empty database."""
        self.count += 1
        self.sql(f"CREATE DATABASE cloud{self.count}")
        return f"host={self.folder} user=postgres dbname=cloud{self.count}"

    def sql(self, text, database="postgres"):
        """The rows of what `text` returns, as lists of texts."""
        out = run(*USER, f"{PROGRAMS}/psql", "-X", "-A", "-t", "-h", self.folder, "-U", "postgres", "-d", database, "-c", text)
        return [line.split("|") for line in out.stdout.splitlines()]
