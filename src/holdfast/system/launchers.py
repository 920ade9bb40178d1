"""What torchrun, SLURM's srun and Fabric tell a process of the processes it trains with. No torch here."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class World:
    """Processes that a launcher has started."""

    size: int
    nodes: int
    launcher: str

    @property
    def per_node(self) -> int:
        """Processes on each machine."""
        return self.size // self.nodes


def launched(environment: Mapping[str, str] = os.environ) -> World | None:
    """The processes that torchrun or srun started this one among; None where neither did.

    Raises ValueError for a number that is none.
    """
    if "TORCHELASTIC_RUN_ID" in environment or {"WORLD_SIZE", "RANK", "LOCAL_RANK"} <= set(environment):
        size = _count(environment, "WORLD_SIZE")
        local = _count(environment, "LOCAL_WORLD_SIZE") if "LOCAL_WORLD_SIZE" in environment else size
        return World(size, max(1, size // local), "torchrun")
    if environment.get("SLURM_STEP_NUM_TASKS", "1") != "1":
        nodes = _count(environment, "SLURM_STEP_NUM_NODES") if "SLURM_STEP_NUM_NODES" in environment else 1
        return World(_count(environment, "SLURM_STEP_NUM_TASKS"), nodes, "srun")
    return None


def first_process(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process speaks for all: rank 0 of a launcher, or the only one."""
    names = ("RANK", "SLURM_PROCID") if launched(environment) else ()
    for name in (*names, "LOCAL_RANK"):
        if name in environment:
            return environment[name] == "0"
    return True


def _count(environment: Mapping[str, str], name: str) -> int:
    text = environment.get(name, "")
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"expected {name} of the launcher to be a number of processes, got {text!r}; unset it")
    return int(text)


def place(environment: Mapping[str, str] = os.environ) -> int:
    """This process's number, from 0, among those that a launcher started; 0 without one."""
    world = launched(environment)
    if world is None:
        return 0
    return int(environment["RANK" if world.launcher == "torchrun" else "SLURM_PROCID"])


def local_place(environment: Mapping[str, str] = os.environ) -> int:
    """This process's number on its machine, from 0: which of its GPUs is its own."""
    return int(environment.get("LOCAL_RANK") or environment.get("SLURM_LOCALID") or 0)


def meeting_place(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """MASTER_ADDR and MASTER_PORT, where processes find one another: torchrun's own; under srun the step's first
    machine, and a port that its numbers decide."""
    if "MASTER_ADDR" in environment and "MASTER_PORT" in environment:
        return {name: environment[name] for name in ("MASTER_ADDR", "MASTER_PORT")}
    nodes = environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_NODELIST") or "127.0.0.1"
    job = int(environment.get("SLURM_JOB_ID", "0")) + int(environment.get("SLURM_STEP_ID", "0"))
    return {"MASTER_ADDR": first_node(nodes), "MASTER_PORT": str(15000 + job % 10000)}


def first_node(nodes: str) -> str:
    """'gpu03' of SLURM's 'gpu[03-05,9],cpu1'."""
    return re.sub(r"\[([^,\-\]]+)[^\]]*\]", r"\1", re.match(r"(?:[^,\[]|\[[^\]]*\])*", nodes).group(0))  # type: ignore[union-attr]
