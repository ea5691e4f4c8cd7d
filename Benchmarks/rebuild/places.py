"""Programs in network namespaces of their own."""
import ctypes
import os
import signal
import subprocess
import time

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _leave():
    if _libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def timed(command, **options):
    """Seconds of wall time of a program in a new network namespace."""
    start = time.perf_counter()
    done = subprocess.run(command, preexec_fn=_leave, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {done.stderr.decode(errors='replace')[-300:]}")
    return seconds


class Namespace:
    """A network namespace that lives as long as a sleeping process."""

    def __init__(self):
        self.process = subprocess.Popen(["sleep", "infinity"], preexec_fn=_leave)
        self.pid = self.process.pid
        own = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{self.pid}/ns/net") == own:
            time.sleep(0.001)
        self.run("ip", "link", "set", "lo", "up")

    def enter(self, *command):
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *map(str, command)]

    def run(self, *command, **options):
        return subprocess.run(self.enter(*command), check=True, stdout=subprocess.PIPE, text=True, **options).stdout

    def start(self, *command, **options):
        return subprocess.Popen(self.enter(*command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)

    def timed(self, *command):
        start = time.perf_counter()
        self.run(*command)
        return time.perf_counter() - start

    def close(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
