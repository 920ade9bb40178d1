"""`holdfast memorization`: encoder pairs of a run, scores of every image, a table and a gallery."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from holdfast.cli.audited import score_lines
from holdfast.cli.options import Help, UserError, fitted, parse, refuse_idle, share_out
from holdfast.cli.progress import Progress, quiet_fabric
from holdfast.findings import Finding
from holdfast.runs import RunFolder, ready_file, ready_folder
from holdfast.system import local_place

if TYPE_CHECKING:
    from holdfast.data import Images
    from holdfast.distributed import Crew

AXES = ("memorization", "privacy")


HELP = Help(
    usage="holdfast memorization RUN [OPTIONS]",
    says="Tells which images a run memorised. It trains pairs of encoders, one with and one without some of "
    "the run's images, and compares what they make of them. An interrupted study goes on where it "
    "stopped.",
    example="holdfast memorization runs/a --pairs 3",
    first="pairs epochs candidates external remove test downstream device devices",
    groups={"encoders that were trained elsewhere": "two_encoders data partition image_size"},
)


@dataclass(frozen=True, kw_only=True)
class MemorizationOptions:
    """Options of `holdfast memorization`."""

    run: Annotated[Path | None, tyro.conf.Positional] = None
    """The run whose configuration is repeated on pairs; the study is kept in its folder."""
    pairs: int = 3
    """Pairs of encoders; fewer than 3 give means of subsets, no ranks of images."""
    epochs: int | None = None
    """Epochs of each encoder; None: as many as the run had."""
    views: int = 10
    """Views of each image that are compared, at least 4."""
    external: float = 0.1
    """Share of the run's images that no encoder trains on: the null."""
    candidates: float = 0.1
    """Share of the rest that one encoder of each pair trains on; as many others for the other encoder."""
    planted: int = 0
    """Plant so many noise images and near-duplicates of two kinds, to see where they rank."""
    remove: str | None = None
    """Also train without the most memorised and without random images, as in top:500,random:500."""
    test: str | None = None
    """Labelled test images for --remove; None: the external images."""
    downstream: str | None = None
    """Labelled images of another source for --remove: what the encoders are worth for a task that none of them saw."""
    two_encoders: tuple[str, ...] = ()
    """Encoders to compare instead of a run, trained elsewhere with and without the candidates: F G, or F1 G1 F2 G2."""
    data: str | None = None
    """The images to score, with --two-encoders."""
    partition: Path | None = None
    """JSON with lists of image ids, for --two-encoders: candidate, and external, shared and independent where known."""
    image_size: int | None = None
    """Side in pixels that images are resized to, with --two-encoders."""
    seed: int = 0
    """Decides partition, the pairs' seeds and the views."""
    batch_size: int = 512
    """Views per pass of an encoder when scoring; changes no result beyond rounding."""
    precision: Literal["32", "bf16"] = "32"
    """Precision of the encoders' passes when scoring."""
    device: str | None = None
    """Where to score; None: a GPU where there is one."""
    devices: int = 1
    """Processes on this machine that share the work, each on a GPU of its own where there are some; under torchrun and
    srun leave it out."""
    study: Path | None = None
    """Folder of the study; None: memorization/ in the run's folder, or audits/two-encoders."""


def memorization(words: Sequence[str]) -> None:
    """Trains pairs where there are none, scores, saves table and gallery, says what may be concluded."""
    options = parse(MemorizationOptions, words, HELP)
    if bool(options.two_encoders) == (options.run is not None):
        raise UserError(
            "expected a run folder or --two-encoders F G, got both or neither; as in: "
            "holdfast memorization runs/sdclr-1"
        )
    refuse_idle("memorization", words, options)
    quiet_fabric()
    share_out(["memorization", *words], options.devices, partial(_compared, options))


def _compared(options: MemorizationOptions, crew: "Crew") -> None:
    if options.run is None:
        _given_encoders(options, crew)
    else:
        _run_pairs(RunFolder.open(options.run), options, crew)


def _run_pairs(run: RunFolder, options: MemorizationOptions, crew: "Crew") -> None:
    from holdfast.audits import load_pairs
    from holdfast.data import load_pool
    from holdfast.studies import StudyConfig, check_removal, parse_removal, run_study

    study = options.study or run.study
    target = run.findings if options.study is None else study / "findings"
    if crew.first:
        ready_folder(study, target)
        ready_file(study / "gallery.html")
    rules = [] if options.remove is None else parse_removal(options.remove)
    names = ("pairs", "epochs", "external", "candidates", "planted", "seed")
    settings = StudyConfig(**{name: getattr(options, name) for name in names})
    record = run.read_ids()
    images, (test, other) = load_pool(record).images, _removal_tests(options, record)

    def check(planned: Mapping[str, Any]) -> None:
        planted = (planned["planted"] or {"kinds": {}})["kinds"]
        free = set(planned["parts"]["candidate"]) - {i for members in planted.values() for i in members}
        check_removal(rules, len(free), images, test, other)

    checked = check if rules else lambda _: None
    folder = run_study(run, settings, out=options.study, check=checked, listening=_listening, crew=crew)
    pairs = load_pairs(folder)
    findings = _measured(str(run.path), images, pairs, options, target, crew)
    if rules:
        findings[0] = _with_removal(findings[0], folder, rules, (test, other), options, crew)
    if crew.first:
        _leave(findings, target, pairs.images, folder / "gallery.html")


def _removal_tests(options: MemorizationOptions, record: Mapping[str, Any]) -> "tuple[Images | None, Images | None]":
    """Test images at the run's size and with its choice of labels, and those of another task at that size."""
    from holdfast.data import load_images

    size, resize = record["image_size"], record.get("resize", "square")
    scale = record.get("pixel_range") or record.get("ranges") or None
    shown = {"size": size, "pixel_range": scale}
    test = options.test and load_images(options.test, resize=resize, labels=record.get("labels"), **shown)
    return test or None, None if options.downstream is None else load_images(options.downstream, **shown)


def _listening(name: str, folder: Path) -> AbstractContextManager[Progress]:
    return Progress(folder, label=name)


def _with_removal(
    finding: Finding,
    folder: Path,
    rules: list[tuple[str, int]],
    tests: "tuple[Images | None, Images | None]",
    options: MemorizationOptions,
    crew: "Crew",
) -> Finding:
    from holdfast.audits import load_pairs
    from holdfast.studies import run_removal

    test, other = tests
    rows = run_removal(
        folder,
        finding,
        rules,
        test=test,
        downstream=other,
        listening=_listening,
        batch_size=options.batch_size,
        crew=crew,
    )
    for row in rows:
        tasks = {"linear probe": "linear_accuracy", "on the other task": "downstream_linear_accuracy"}
        said = [f"{words} {_with_change(row, name)}" for words, name in tasks.items() if name in row]
        print(fitted(f"  without {row['removed']:12} {'  '.join(said)}  on {row['test']}"))
    return replace(finding, tables={**finding.tables, **load_pairs(folder).tables})


def _with_change(row: Any, name: str) -> str:
    """An accuracy, its change against all images, and how far that lies beyond removing drawn ones."""
    change, beyond, low = (row[f"{name}_{which}"] for which in ("change", "beyond", "beyond_low"))
    said = "" if change is None else f"change {change:+.2f} points"
    if beyond is not None:
        said += f"; beyond drawn ones {beyond:+.2f}"
        said += "" if low is None else f" [{low:+.2f}, {row[f'{name}_beyond_high']:+.2f}]"
    return f"{row[name]:.2f} %" + (said and f" ({said})")


def _given_encoders(options: MemorizationOptions, crew: "Crew") -> None:
    from holdfast.audits import given_pairs

    if len(options.two_encoders) % 2:
        raise UserError(
            f"expected --two-encoders F G, got {len(options.two_encoders)} encoders; name both encoders of each pair"
        )
    folder = options.study or Path("audits") / "two-encoders"
    if crew.first:
        ready_folder(folder)
    encoders = list(zip(options.two_encoders[::2], options.two_encoders[1::2], strict=True))
    pairs = given_pairs(encoders, options.data, options.partition, image_size=options.image_size)
    print(
        "\n".join(f"  caution: {caution}" for caution in pairs.facts["warnings"]),
        end="\n" * bool(pairs.facts["warnings"]),
    )
    chosen = AXES if "external" in pairs.parts else AXES[:1]
    findings = _measured(options.two_encoders[0], pairs.images, pairs, options, folder, crew, chosen)
    if crew.first:
        _leave(findings, folder, pairs.images, folder / "gallery.html")


def _measured(
    source: str,
    images: "Images",
    pairs: Any,
    options: MemorizationOptions,
    target: Path,
    crew: "Crew",
    axes: Sequence[str] = AXES,
) -> list[Finding]:
    """The findings; their images are left in target for the report."""
    import torch

    from holdfast.audits import audit

    device = options.device or (f"cuda:{local_place()}" if torch.cuda.is_available() else "cpu")
    names = ("views", "seed", "batch_size", "precision")
    own = {name: getattr(options, name) for name in names}
    return audit(source, images, axes=axes, pairs=pairs, device=device, atlas=target, crew=crew, **own)


def _leave(findings: Sequence[Finding], target: Path, images: "Images", page: Path) -> None:
    """Saves findings and gallery, prints scores and conclusions."""
    from holdfast.report.listed import conclusions
    from holdfast.report.pages import gallery

    def pixels(ids: Sequence[int]) -> Any:
        import torch

        return images.select(torch.tensor(list(ids))).loaded().pixels.permute(0, 2, 3, 1).cpu().numpy()

    for finding in findings:
        finding.save(target)
        lines = [*score_lines(finding), *(f"  {sentence}" for sentence in conclusions(finding))]
        print(fitted("\n".join(lines)))
    page.parent.mkdir(parents=True, exist_ok=True)
    print(f"table: {target / 'memorization.parquet'}")
    print(f"gallery: {gallery(findings[0], pixels, page)}")
