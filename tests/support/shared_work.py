"""What the processes of tests of shared measurements run; a module of its own, so that they can import it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

from holdfast.distributed import ALONE, together
from holdfast.system import MANY


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def every_audit(rank: int, world: int, folder: str, port: str) -> None:
    """A process's share of all audits of a small network; the first one leaves the findings in folder."""
    from toy_audits import write_toy_findings

    torch.set_num_threads(1)
    options = {"batch_size": 16, "attack_images": 140, "aggregate": 0, "cache": None}
    if world == 1:
        write_toy_findings(Path(folder), 0, **options, crew=ALONE)
        return
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    with together(rank, world) as crew:
        write_toy_findings(Path(folder), 0, **options, crew=crew)


def launched(script: str, words: list[str], processes: int = 2, **more: str) -> list[subprocess.CompletedProcess[str]]:
    """A script run with words in so many processes at once, as torchrun starts them; what each printed and returned."""
    shared = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    shared |= {"OMP_NUM_THREADS": "1", **more}
    started = []
    for rank in range(processes):
        own = {**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}
        own.pop(MANY, None)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen([sys.executable, "-c", script, *words], env=own, **pipes))
    found = []
    for one in started:
        out, err = one.communicate(timeout=400)
        found.append(subprocess.CompletedProcess(one.args, one.returncode, out, err))
    return found
