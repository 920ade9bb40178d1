"""A run is a value: frozen, keyword-only dataclasses, the unit under each field. No torch here.

A method's own settings live in its file under methods/; a new paper does not touch this module.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from holdfast.settings import Kinds, MethodConfig, PartConfig, require, require_choices, require_finite, typed

__all__ = [
    "SCHEMA_VERSION",
    "VIEWS",
    "Kinds",
    "MethodConfig",
    "PartConfig",
    "RunConfig",
    "ViewSettings",
    "from_document",
    "require",
    "require_choices",
    "to_document",
    "upgraded",
]

SCHEMA_VERSION = 2
"""2: a document holds the settings of the parts that are used; 1 held those of an adversary and a penalty, used or not.
Both are read."""


@dataclass(frozen=True, kw_only=True)
class ViewSettings:
    """How a random view of an image is drawn. Defaults: SDCLR's CIFAR views (2106.02990, specs of its repository)."""

    crop_min: float = 0.1
    """Smallest share of the image's area that a crop covers, in (0, 1]."""
    crop_max: float = 1.0
    """Largest share of the image's area, in [crop_min, 1]."""
    ratio_min: float = 0.75
    """Smallest width over height of a crop."""
    ratio_max: float = 4 / 3
    """Largest width over height of a crop."""
    interpolation: Literal["bilinear", "bicubic", "lanczos"] = "bicubic"
    """Resampling filter, antialiased."""
    flip: float = 0.5
    """Probability of a horizontal flip."""
    jitter: float = 0.8
    """Probability that the colours are jittered."""
    brightness: float = 0.4
    """Factor drawn from 1 ± this."""
    contrast: float = 0.4
    """Factor drawn from 1 ± this."""
    saturation: float = 0.4
    """Factor drawn from 1 ± this."""
    hue: float = 0.1
    """Shift drawn from ± this, in turns of the colour wheel, at most 0.5."""
    grey: float = 0.2
    """Probability of grayscale."""
    colours: Literal["torchvision", "invclr"] = "torchvision"
    """Colour operations: torchvision's in a random order, or InvCLR's own in its fixed order, which may leave [0,
    1]."""
    blur: float = 0.0
    """Probability of a Gaussian blur."""
    blur_min: float = 0.1
    """Smallest standard deviation of the blur, in pixels of the view."""
    blur_max: float = 2.0
    """Largest standard deviation of the blur, in pixels of the view."""
    solarize: float = 0.0
    """Probability of solarization: values at or above 0.5 are inverted."""
    view_size: int | None = None
    """Side of a training view in pixels; None: the run's image_size. Half of it takes a quarter of the time."""
    view_grow: float = 0.0
    """Share of the run, at its end, whose views have the run's image_size whatever view_size is."""

    def __post_init__(self) -> None:
        require_choices(self)
        area, ratio = (self.crop_min, self.crop_max), (self.ratio_min, self.ratio_max)
        require(0 < area[0] <= area[1] <= 1, "0 < crop_min <= crop_max <= 1", area, "they are shares of the area")
        require(0 < ratio[0] <= ratio[1], "0 < ratio_min <= ratio_max", ratio, "torchvision's are 0.75 and 1.33")
        require(0 <= self.hue <= 0.5, "hue in [0, 0.5]", self.hue, "it is in turns of the colour wheel")
        for name in ("flip", "jitter", "grey", "blur", "solarize", "view_grow"):
            require(0 <= getattr(self, name) <= 1, f"{name} in [0, 1]", getattr(self, name), "it is a share")
        size = self.view_size
        require(size is None or size >= 8, "view_size >= 8", size, "half of the image size is usual")
        for name in ("brightness", "contrast", "saturation"):
            require(getattr(self, name) >= 0, f"{name} >= 0", getattr(self, name), "factors are drawn from 1 ± it")
        widths = (self.blur_min, self.blur_max)
        require(0 < widths[0] <= widths[1], "0 < blur_min <= blur_max", widths, "they are in pixels")
        require_finite(self)


VIEWS: dict[str, ViewSettings] = {
    "cifar": ViewSettings(),
    "imagenet": ViewSettings(crop_min=0.08, interpolation="bilinear", blur=0.5),
    "crop": ViewSettings(crop_min=0.08, interpolation="bilinear", hue=0.2, blur=0.1, solarize=0.1),
    "patch": ViewSettings(
        crop_min=0.25,
        crop_max=0.25,
        ratio_min=1.0,
        ratio_max=1.0,
        interpolation="bilinear",
        hue=0.2,
        blur=0.1,
        solarize=0.1,
    ),
}
"""View presets by their command-line name. SDCLR's ImageNet crops are resampled bilinearly, torchvision's default.
'crop' and 'patch' are EMP-SSL's (2501.03507): crops of any size, or patches of a quarter of the area."""


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides what a run computes. The command line has the same names, those of parts among them."""

    method: MethodConfig
    """The method's settings; their class says which method."""
    data: str = "digits"
    """Images: a folder of pictures, a .parquet or .npz file, or a name such as 'digits'; docs/data.md has all kinds."""
    download: bool = False
    """Let torchvision fetch a data set that is not there (torchvision/CIFAR10)."""
    labels: str | None = None
    """'folder' (the first folder of each path), FILE.csv, FILE.csv:COLUMN, a column of the source, or 'none'; None: the
    source's own, which a folder has none of. Never needed to train."""
    groups: tuple[str, ...] = ()
    """FILE.csv:COLUMN, a column of the source, or 'folder': what audits may split images by, and --forget names."""
    resize: Literal["crop", "square", "squash", "pad"] = "crop"
    """How a picture becomes square: the shorter side to the image size (above 64 pixels: to 256 / 224 of it), then the
    centre; the largest centred square; squashed whole; or whole, filled up with white."""
    pixel_range: tuple[float, float] | None = None
    """Black and white of pixels of more than 8 bits; None: what all reach, rounded to a usual depth and said."""
    memory_gib: float = 4.0
    """Most GiB of decoded pixels in memory; a folder or parquet files beyond it are streamed by workers."""
    workers: int | None = None
    """Processes that decode where images are streamed; None: one for each core, 8 at most."""
    shuffle_buffer: int | None = None
    """Parquet shards and tar files are streamed, blocks of neighbours in random order, so many images mixed at a time;
    0: one draw over all images; None: 0, but behind a URL, where they do not fit, what memory_gib has room for."""
    strict: bool = False
    """Stop at the first file that cannot be used, instead of setting it aside with its reason in rejected.csv."""
    long_tail: str | None = None
    """'exp:100' keeps an exponential long tail with largest / smallest class = 100, 'pareto:6' one as ImageNet-LT's; a
    file of ids or of 'PATH LABEL' lines keeps the images that it lists; None keeps all images."""
    split: int = 0
    """Seed of the long-tailed split: which class is rare, which images are kept."""
    holdout: int | None = None
    """Images held out of training, drawn evenly over the classes where labels exist; None: 0 with long_tail, else 5 %,
    at most 1,000, the same whether there are labels or not."""
    limit: int | None = None
    """Use only this many images of the source (a seeded draw); None uses all."""
    image_size: int | None = None
    """Side of a training view in pixels; None takes the images' own."""
    views: ViewSettings = field(default_factory=ViewSettings)
    """How views are drawn."""
    encoder: str = "timm/resnet18"
    """'timm/NAME' for any timm network."""
    stem: Literal["auto", "small", "standard"] = "auto"
    """'small': a 3×3 stride-1 stem without pooling, or small patches; 'auto' takes it up to 64 pixels."""
    init: str | None = None
    """First weights of the encoder: a run folder, timm/NAME:pretrained or torchvision/NAME:pretrained from your cache,
    or a state-dict file; None: drawn by the seed."""
    whiten: bool = False
    """Start the first convolution as a whitening of the training images' patches, up to the smallest ones it has."""
    epochs: int = 200
    """Passes over the training images."""
    batch_size: int = 512
    """Images per step, over all devices together."""
    chunk: int | None = None
    """Views per pass of the network, for batches that do not fit into memory: they are computed again in the backward,
    and batch norms see a chunk at a time; None: all at once."""
    shard_weights: bool = False
    """Keep a share of weights, gradients and optimiser state on each process (FSDP2) in place of all: for networks that
    do not fit one GPU with their optimiser."""
    checkpoint_activations: bool = False
    """Keep the inputs of the network's blocks alone and compute the rest again in the backward: the same gradients in
    less memory, for a third more time."""
    optimizer: Literal["sgd", "lars", "adamw", "muon"] = "sgd"
    """SGD, LARS and Muon use momentum; AdamW uses betas 0.9 and 0.999."""
    lr: float = 0.5
    """Peak learning rate, not scaled by the batch; one that is high for it is said before the run."""
    lr_end: float = 1e-6
    """Learning rate at the last step."""
    warmup_epochs: float = 10.0
    """Epochs of linear warm-up from 0; cut to a tenth of the run where that is shorter."""
    momentum: float = 0.9
    """Momentum of SGD and LARS."""
    nesterov: bool = False
    """Nesterov's momentum (SGD, LARS)."""
    lars_trust: float = 1e-3
    """LARS's factor of weight norm over gradient norm."""
    muon_rest: float = 10.0
    """Muon: learning rate of biases and norms, which take Nesterov SGD's steps, over that of the weights."""
    lars_clip: bool = False
    """Let LARS shorten steps but never lengthen them past the learning rate."""
    weight_decay: float = 1e-4
    """Added to the gradient (SGD, LARS) or decoupled (AdamW, Muon)."""
    decay: Literal["all", "weights"] = "all"
    """Which parameters decay: all, or only those with two or more dimensions (no biases, no norms)."""
    schedule: Literal["steps", "authors", "epochs"] = "steps"
    """The learning rate's cosine ends with the last optimiser step; or ('authors', of CF-AMC-SSL) with the last step of
    a run without replays, after which it rises again; or ('epochs', of InvCLR) it changes between epochs only."""
    parts: tuple[PartConfig, ...] = ()
    """What is put on the method, such as an adversary or a penalty: settings from the parts' own files."""
    seed: int = 0
    """Decides initial weights, image order and every view."""
    precision: Literal["auto", "32", "bf16"] = "auto"
    """'auto' takes bf16 where the processor or GPU is fast at it."""
    compile: bool = False
    """Compile the network with torch.compile (a minute at the start, faster steps after)."""
    devices: int = 1
    """Processes or GPUs of this machine; torchrun and SLURM set their own."""
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""
    threads: int | None = None
    """CPU threads; None keeps torch's choice. Bits are the same for the same number only."""
    checkpoint_steps: int | None = None
    """Steps between checkpoints; None: every 2 minutes. There is always one at the end."""
    keep_checkpoints: int = 2
    """How many checkpoints stay on disk."""
    signals_every: int | None = None
    """Epochs between label-free signals on held-out images; None: ten times in a run; 0: never."""

    def __post_init__(self) -> None:
        require_choices(self)
        for name in ("epochs", "devices", "keep_checkpoints"):
            require(getattr(self, name) >= 1, f"{name} >= 1", getattr(self, name), f"set --{name.replace('_', '-')}")
        require(self.memory_gib > 0, "memory_gib > 0", self.memory_gib, "it is in GiB; the default is 4")
        require(self.batch_size >= 2, "batch_size >= 2", self.batch_size, "contrast needs another image; try 256")
        require(self.lr > 0 and self.lr_end >= 0, "lr > 0 and lr_end >= 0", (self.lr, self.lr_end), "SDCLR uses 0.5")
        require(0 <= self.momentum < 1, "momentum in [0, 1)", self.momentum, "the papers use 0.9")
        require(self.lars_trust > 0, "lars_trust > 0", self.lars_trust, "EMP-SSL uses 0.005")
        kinds = [type(part).__name__ for part in self.parts]
        require(len(set(kinds)) == len(kinds), "parts of different kinds", ", ".join(kinds), "give each once")
        for part in (self.method, *self.parts):
            part.check(self)
        require(not (self.whiten and self.init), "--whiten without --init", self.init, "trained filters would be lost")
        both = self.compile and self.checkpoint_activations
        require(not both, "--checkpoint-activations without --compile", "both", "leave one of them out")
        for name in ("weight_decay", "warmup_epochs"):
            require(getattr(self, name) >= 0, f"{name} >= 0", getattr(self, name), "0 switches it off")
        for names, least in (
            ("limit image_size threads checkpoint_steps chunk", 1),
            ("holdout signals_every workers shuffle_buffer", 0),
        ):
            for name in names.split():
                value = getattr(self, name)
                require(value is None or value >= least, f"{name} >= {least}", value, "leave it out for the default")
        require_finite(self)


def to_document(config: RunConfig, method: str, version: str) -> dict[str, Any]:
    """A configuration as JSON values: the content of a run's config.json. method: its name in METHODS."""
    document = asdict(config)
    settings = document.pop("method")
    del document["parts"]
    parts = {name: value for part in config.parts for name, value in asdict(part).items()}
    return {"schema": SCHEMA_VERSION, "version": version, "method": method, "settings": settings, **document, **parts}


def from_document(
    document: Mapping[str, Any], methods: Mapping[str, type[MethodConfig]], parts: Iterable[type[PartConfig]] = ()
) -> RunConfig:
    """What to_document was given. methods: settings classes by method name; parts: those of what may be put on one.

    Raises ValueError for a schema version that is none, an unknown method, and any key that this version does not know.
    """
    rest = upgraded(document)
    schema, name = rest.pop("schema", None), rest.pop("method", None)
    require(schema == SCHEMA_VERSION, f"config schema 1 or {SCHEMA_VERSION}", schema, "use the holdfast that wrote it")
    require(name in methods, f"a method of {', '.join(methods)}", name, "use the holdfast that wrote it")
    rest.pop("version", None)
    settings = typed(methods[str(name)], _object(rest.pop("settings", {}), "settings"))
    found = []
    for kind in parts:
        own = {f.name: rest.pop(f.name) for f in fields(kind) if f.name in rest}
        found += [typed(kind, own)] if own else []
    known = {
        "method": settings,
        "views": typed(ViewSettings, _object(rest.pop("views", {}), "views")),
        "parts": tuple(found),
    }
    return typed(RunConfig, rest | known)


def _object(value: object, name: str) -> Mapping[str, Any]:
    require(isinstance(value, Mapping), f"{name} to be an object", repr(value)[:60], "restore the file")
    return value  # type: ignore[return-value]


def upgraded(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document of schema 1 or 2 as schema 2 writes it: without the settings of an adversary or penalty that is
    None."""
    rest = dict(document)
    if rest.get("schema") != 1:
        return rest
    unused = [word for word in ("adversary", "penalty") if rest.get(word) is None]
    return {
        **{name: value for name, value in rest.items() if name.partition("_")[0] not in unused},
        "schema": SCHEMA_VERSION,
    }
