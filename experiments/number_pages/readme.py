"""Numbers of README, and of the demo and the benchmarks wherever they stand."""

from collections.abc import Iterator
from typing import Any

from number_pages.audits import memorized
from number_pages.engine import Passage, number, results, spread, with_interval
from number_pages.methods import errors, robust, under_attack

README = "README.md"
GROUPS = ("many", "medium", "few", "std", "all")


def demo(method: str, name: str, *, prefix: str = "") -> str:
    """Mean over seeds ± population standard deviation of the demo's balance."""
    found = results("demo")["methods"][method]["balance"][prefix + name]
    return spread(found["mean"], found["spread"], 1)


def demo_rows() -> Iterator[Passage]:
    """The demo on README and on both methods' pages."""
    shown = [demo(method, name) for name in ("all", "few") for method in ("simclr", "sdclr")]
    yield Passage(README, "accuracy over all classes SimCLR {} %, SDCLR {} %; rare classes {} and {}", shown)
    line = " | ".join(["{}"] * len(GROUPS))
    for page in ("docs/methods/simclr.md", "docs/methods/sdclr.md"):
        for probe, prefix in (("all labels", ""), ("few-shot", "few_shot_")):
            cells = [demo(method, name, prefix=prefix) for method in ("simclr", "sdclr") for name in GROUPS]
            yield Passage(page, f"| {probe} | SimCLR | {line} |\n| | SDCLR | {line} |", cells)
        yield Passage(page, "Of {} scores {} differ between the methods", _differing())
    both = [demo(method, "all").partition(" ")[0] for method in ("simclr", "sdclr")]
    yield Passage(
        "docs/which-method.md", "with a tiny network and a minute of training, SimCLR and SDCLR give {} and {} %", both
    )


def _differing() -> list[str]:
    """How many scores are compared over seeds, and of how many the interval of the difference leaves out 0."""
    found = [one["interval"] for one in results("demo")["differences"].values()]
    apart = [ends for ends in found if ends is not None and not ends[0] <= 0 <= ends[1]]
    return [str(len(found)), str(len(apart))]


def readme_rows() -> Iterator[Passage]:
    """README's table, but for the demo and for GPUs."""
    names = ("clean_accuracy", "pgd20_accuracy_4_255", "robust_accuracy_8_255")
    runs = [
        [under_attack(run, name) for name in names] for run in ("simclr", "emp-ssl", "cf-amc-ssl", "robust-emp-ssl")
    ]
    ratio = number(robust("cf-amc-ssl")["cpu_seconds"] / robust("simclr")["cpu_seconds"], 2)
    steps = number(robust("robust-emp-ssl")["optimiser_steps"], 0)
    text = (
        "SimCLR {} / {} / {} %, EMP-SSL {} / {} / {}, CF-AMC-SSL {} / {} / {} in {} × SimCLR's CPU time; robust "
        "EMP-SSL {} / {} / {} ({} steps are too few for it)"
    )
    yield Passage(README, text, [*runs[0], *runs[1], *runs[2], ratio, *runs[3], steps])
    centred = [with_interval(score, 3) for score in memorized("centred_candidate")[:2]]
    yield Passage(README, "candidates less the null SimCLR {}, SDCLR {};", centred)
    shown = [spread(*errors("plain", views, "mean"), 4, bare=True) for views in ("0", "30")]
    yield Passage(README, "mean squared error of four targets {}, averaged over 30 drawings {};", shown)


def timed(name: str) -> dict[str, Any]:
    """What a benchmark printed."""
    return results("timings")["benchmarks"][name]["numbers"]


TIMED = {
    "folder_index": (
        (README, "| an index of 1,000,000 file names | {} s, {} MB |", ("seconds", "peak_mb")),
        (
            "docs/data.md",
            "in 1,000 folders | {} s, peak {} MB; the check of a kept index {} s, {} MB; a worker's share {} MB "
            "(without torch, whose import alone takes about {} MB)",
            ("seconds", "peak_mb", "check_seconds", "check_peak_mb", "worker_mb", "torch_mb"),
        ),
    ),
    "throughput": (
        (
            README,
            "SimCLR {} views/s {}, {} × the bare model measured in turn, {} × lightly's SimCLR; a step of SDCLR {} × "
            "SimCLR's",
            ("views_per_second", "views_per_second_range", "of_bare", "of_lightly", "sdclr_step"),
        ),
    ),
    "streaming": (
        (
            "docs/data.md",
            "decode alone {} and {} images/s, model alone {} and {}, end to end {} and {}: {} and {} of "
            "the larger alone",
            ("decode_0", "decode_1", "model_0", "model_1", "both_0", "both_1", "ratio_0", "ratio_1"),
        ),
    ),
    "spirograph": (
        (
            "docs/data.md",
            "forward and backward {} to {} × in four runs ({} to {} ms against {} to {} ms;",
            ("ratio_low", "ratio_high", "direct_ms_low", "direct_ms_high", "separable_ms_low", "separable_ms_high"),
        ),
    ),
    "chunk": (
        (
            "docs/scaling.md",
            "{} MiB beyond the weights whole and {} MiB with `--chunk 64`, a quarter of it; {} and {} times the time",
            ("whole_mib", "chunked_mib", "time_0", "time_1"),
        ),
    ),
    "tracing": (("docs/performance.md", "{} s of one thread's CPU", ("seconds",)),),
    "decoding": (
        (
            "docs/data.md",
            "from one parquet file: {} s on 2 cores; reading a seeded 500 of them: {} s. Checksum: {} s. Drawing the "
            "long tail and its record: under {} s.",
            ("all_seconds", "some_seconds", "checksum_seconds", "tail_seconds"),
        ),
        ("docs/audits/memorization.md", "decoding CIFAR-10's 50,000 images takes {} s per encoder", ("pairs_seconds",)),
    ),
    "views": (
        (
            "docs/views.md",
            "took {} ms in all on 2 cores of an AMD EPYC server processor (crop and flip {} to {} ms, the jitter "
            "{} ms, the draws under {} ms), and 32 views of 224 pixels from 256-pixel images, with blur, {} ms.",
            ("all_ms", "crop_ms_low", "crop_ms_high", "jitter_ms", "draws_ms", "large_ms"),
        ),
    ),
    "cf_amc_ssl": (
        (
            "docs/methods/cf_amc_ssl.md",
            "takes {} s, as many bare forward+backward passes {} s: **{} ×** (at most 1.05 asked; below 1 is noise). "
            "With 16 images, other tests running for a part of the time, it was {}:",
            ("step_seconds", "bare_seconds", "ratio", "ratio_16"),
        ),
        (
            "docs/methods/emp_ssl.md",
            "at rest: {} ms, against {} ms for the loop of d × d determinants over views: **{} ×** (at least 20 asked; "
            "other rounds gave {} to {}).",
            ("rate_ms", "loop_ms", "rate_ratio", "rate_ratio_low", "rate_ratio_high"),
        ),
    ),
    "invariance": (
        ("docs/methods/invclr.md", "| plain | {} | 1 |", ("plain_seconds",)),
        ("docs/methods/invclr.md", "| `pair` | {} | {} |", ("pair_seconds", "pair_ratio")),
        ("docs/methods/invclr.md", "| `vjp`, 100 draws | {} | {} |", ("vjp_seconds", "vjp_ratio")),
        (
            "docs/methods/invclr.md",
            "| `vjp`, expectation in closed form | {} | {} |",
            ("closed_seconds", "closed_ratio"),
        ),
    ),
    "compile": (
        (
            "docs/performance.md",
            "Of ResNet-18 in bf16 it brought {} times the speed for {} to {} s of compiling",
            ("ratio", "seconds_low", "seconds_high"),
        ),
    ),
    "memorization": (
        (
            "docs/audits/memorization.md",
            "scoring runs at {} of the bare forward passes of both encoders in float32 and {} in bf16",
            ("float32", "bf16"),
        ),
        (
            "docs/audits/memorization.md",
            "beside the images: {} MiB for 100 and for 400 images at K = 10, {} for 100 at K = 40, {} for 1,600:",
            ("mib_100_400", "mib_100_40", "mib_1600"),
        ),
    ),
}
"""Where a benchmark's numbers stand: page, text, their names in results/timings.json."""


def timed_rows() -> Iterator[Passage]:
    """Benchmarks, as they were printed."""
    for name, places in TIMED.items():
        for page, text, keys in places:
            yield Passage(page, text, [timed(name)[key] for key in keys])


def passages() -> list[Passage]:
    """All of them."""
    return [*demo_rows(), *readme_rows(), *timed_rows()]
