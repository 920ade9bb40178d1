"""Generated code, tried in a process of its own that can change no file, start no program and open no connection."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

_RUNNER = """
import json, runpy, sys
import numpy, safetensors.torch, timm, torch, torchvision
folder, shape = sys.argv[1], json.loads(sys.argv[2])
REFUSED = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.link", "os.symlink", "os.truncate",
           "os.system", "os.exec", "os.fork", "os.posix_spawn", "subprocess.Popen", "socket.connect", "ctypes.dlopen")
def guard(event, arguments):
    writes = event == "open" and any(letter in str(arguments[1] or "") for letter in "wax+")
    writes = writes or (event == "open" and isinstance(arguments[2], int) and arguments[2] & 0o1103)
    if writes or event.startswith(REFUSED):
        raise PermissionError(f"generated code may not do {event}")
images = torch.linspace(0, 1, shape[0] * shape[1] * shape[2] * shape[3]).view(shape)
try:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
except ImportError:
    pass
sys.addaudithook(guard)
code = runpy.run_path(folder + "/load.py")
found = code["features"](code["encoder"](folder), images)
sys.stdout.buffer.write(found.float().cpu().numpy().tobytes())
"""


def features_by_code(folder: Path, shape: tuple[int, int, int, int], dim: int) -> Tensor:
    """Features [n, dim] that folder/load.py gives of a ramp of grey levels [n, 3, h, w].

    Raises ValueError with the last line of what it complained of.
    """
    command = [sys.executable, "-I", "-c", _RUNNER, str(folder.resolve()), json.dumps(shape)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no word"]
        raise ValueError(lines[-1])
    values = np.frombuffer(done.stdout, dtype=np.float32)
    return torch.from_numpy(values.copy()).view(shape[0], dim)
