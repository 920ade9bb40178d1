"""290 odd files: each loads rightly or is set aside with a reason; none crashes, hangs or eats the memory."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from odd_files import make

from holdfast.data import load_images
from holdfast.data.files.decode import LoadRequest
from holdfast.data.files.folder_index import index_folder
from holdfast.data.files.rejects import Rejected
from holdfast.data.sources.folder import read_file

SECONDS, MEGABYTES = 5.0, 1000
RANGES = {"integers": (0.0, 65535.0), "floats": (0.0, 1.0)}
READ = """
import json, re, sys, time
from pathlib import Path
from holdfast.data.files.decode import LoadRequest
from holdfast.data.files.folder_index import index_folder
from holdfast.data.sources.folder import read_file
index = index_folder(Path(sys.argv[1]))
slowest = 0.0
for place in range(len(index)):
    for request in (LoadRequest(), LoadRequest(size=32)):
        start = time.process_time()
        read_file(index, place, request)
        slowest = max(slowest, time.process_time() - start)
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps({"files": len(index), "slowest": slowest, "peak": peak}))
"""


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    root = tmp_path_factory.mktemp("odd") / "files"
    return root, {one.name: one for one in make(root)}


def test_there_are_at_least_150_and_the_index_lists_each(odd):
    root, made = odd
    index = index_folder(root)
    assert len(made) >= 150
    assert {index.name(place) for place in range(len(index))} == set(made)


def test_each_gives_its_pixels_or_a_reason(odd):
    root, made = odd
    index, wrong = index_folder(root), {}
    for place in range(len(index)):
        one, found = made[index.name(place)], read_file(index, place, LoadRequest(ranges=RANGES))
        problem = _problem(one, found)
        if problem:
            wrong[one.name] = problem
    assert wrong == {}


def _problem(one, found):
    """What is wrong with what became of a file; None where nothing is."""
    if isinstance(found, Rejected):
        expected = one.reason is not None and (one.reason == "?" or one.reason in found.reason.lower())
        return None if expected else f"set aside: {found.reason}"
    if one.reason not in (None, "?"):
        return f"loaded, although {one.reason!r}"
    if one.pixels is None:
        return None
    pixels = found.transpose(1, 2, 0)
    if pixels.shape != one.pixels.shape:
        return f"shape {pixels.shape}"
    distance = np.abs(pixels.astype(float) - one.pixels).mean()
    return None if distance <= one.tolerance else f"pixels differ by {distance:.1f} on average"


def test_none_takes_over_5_seconds_or_over_a_gigabyte(odd):
    command = [sys.executable, "-c", READ, str(odd[0])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    found = json.loads(done.stdout)
    assert found["files"] == len(odd[1])
    assert found["slowest"] < SECONDS
    assert found["peak"] < MEGABYTES


def test_a_run_gets_what_is_left_and_the_list_of_the_others(odd, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    root, made = odd
    images = load_images(Path(root), size=32)
    assert len(images) + len(images.rejected) == len(made)
    assert len(images) > 150
    assert all(reason and "\n" not in reason and str(root) not in reason for _, reason in images.rejected)
    sure = {one.name.decode("utf-8", "backslashreplace") for one in made.values() if one.reason not in (None, "?")}
    assert sure <= {path for path, _ in images.rejected}
