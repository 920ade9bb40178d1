"""What one step of SimCLR needs beyond its weights, whole, by chunks and with activations computed again, and how long
it takes: each in a process of its own, float32, one thread, and the ratios. ResNet-18 with a small stem, batch 256 of
32 pixels; `python benchmarks/chunk.py vit` takes ViT-S, batch 32 of 224 pixels. Memory goes to results/chunk.json."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

NETWORKS = {"resnet": ("timm/resnet18", 256, 32), "vit": ("timm/vit_small_patch16_224", 32, 224)}
"""Encoder, images of a batch, and their side in pixels."""
RESULTS = Path(__file__).parents[1] / "results" / "chunk.json"
WAYS = {"whole": {}, "--chunk": {}, "--checkpoint-activations": {"checkpoint_activations": True}}


def step(network: str, way: str) -> None:
    """Prints the MiB that a step adds to the process's peak, and its seconds of CPU."""
    import torch

    from holdfast.config import RunConfig
    from holdfast.data import Batch
    from holdfast.methods import METHODS, build

    torch.set_num_threads(1)
    encoder, images, size = NETWORKS[network]
    settings = WAYS[way] | ({"chunk": images // 4} if way == "--chunk" else {})
    config = RunConfig(method=METHODS["simclr"].Config(), encoder=encoder, **settings)
    method = build(config, image_size=size).train()
    batch = Batch(images=torch.rand(images, 3, size, size), ids=torch.arange(images), epoch=0)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    for loss in method.losses(batch):
        loss.backward()
    spent = time.process_time() - started
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, spent)


def measured(network: str, way: str) -> tuple[float, float]:
    """MiB and seconds of a step in a fresh process."""
    done = subprocess.run([sys.executable, __file__, network, way], check=True, capture_output=True, text=True)
    memory, seconds = map(float, done.stdout.split())
    return memory, seconds


if __name__ == "__main__":
    if len(sys.argv) > 2:
        step(sys.argv[1], sys.argv[2])
    else:
        network = sys.argv[1] if len(sys.argv) > 1 else "resnet"
        found = {way: measured(network, way) for way in WAYS}
        known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        known[network] = {way: round(memory) for way, (memory, _) in found.items()}
        RESULTS.write_text(json.dumps(known, indent=1) + "\n")
        encoder, images, size = NETWORKS[network]
        whole, seconds = found["whole"]
        print(f"a step of {images} images of {size} px, {encoder}: {whole:,.0f} MiB whole")
        for way in list(WAYS)[1:]:
            memory, spent = found[way]
            named = f"{way} {images // 4}" if way == "--chunk" else way
            print(f"  {named}: {memory:,.0f} MiB ({memory / whole:.2f} of it), {spent / seconds:.2f} times the time")
