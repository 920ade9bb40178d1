"""What one step of SimCLR needs beyond its weights, whole and by chunks, and how long it takes: each in a process of
its own, ResNet-18 with a small stem, batch 256 of 32 pixels, float32, one thread, and the ratios."""

import resource
import subprocess
import sys
import time

BATCH, CHUNK = 256, 64


def step(chunk: int | None) -> None:
    """Prints the MiB that a step adds to the process's peak, and its seconds of CPU."""
    import torch

    from holdfast.config import RunConfig
    from holdfast.data import Batch
    from holdfast.methods import METHODS, build

    torch.set_num_threads(1)
    config = RunConfig(method=METHODS["simclr"].Config(), encoder="timm/resnet18", chunk=chunk)
    method = build(config, image_size=32).train()
    batch = Batch(images=torch.rand(BATCH, 3, 32, 32), ids=torch.arange(BATCH), epoch=0)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    for loss in method.losses(batch):
        loss.backward()
    spent = time.process_time() - started
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, spent)


def measured(chunk: str) -> tuple[float, float]:
    """MiB and seconds of a step in a fresh process."""
    done = subprocess.run([sys.executable, __file__, chunk], check=True, capture_output=True, text=True)
    memory, seconds = map(float, done.stdout.split())
    return memory, seconds


if __name__ == "__main__":
    if len(sys.argv) > 1:
        step(int(sys.argv[1]) or None)
    else:
        (whole, whole_s), (parts, parts_s) = measured("0"), measured(str(CHUNK))
        print(
            f"a step of {BATCH} images: {whole:,.0f} MiB whole, {parts:,.0f} MiB with --chunk {CHUNK} "
            f"({parts / whole:.2f} of it), {parts_s / whole_s:.2f} times the time"
        )
