"""A run is a value: frozen, keyword-only dataclasses, the unit under each field. No torch here.

A method's own settings live in its file under methods/; a new paper does not touch this module.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

SCHEMA_VERSION = 1
_T = TypeVar("_T")


def require(holds: bool, expected: str, got: object, remedy: str) -> None:
    """Raises ValueError with one line, expected, got and remedy, unless the condition holds."""
    if not holds:
        raise ValueError(f"expected {expected}, got {got}; {remedy}")


def _require_choices(settings: object) -> None:
    """Checks each Literal field: Python does not, and a misspelt optimiser would train with another one."""
    for name, kind in get_type_hints(type(settings)).items():
        if get_origin(kind) is Literal:
            choices, value = get_args(kind), getattr(settings, name)
            require(value in choices, f"{name} {' or '.join(choices)}", repr(value), f"set --{name}")


def parse_part(field_name: str, text: str) -> tuple[str, float]:
    """('free', 3.0) of 'free:3'. Raises ValueError for anything that is not a name, a colon and a number."""
    name, colon, number = text.partition(":")
    with suppress(ValueError):
        if name and colon:
            return name, float(number)
    raise ValueError(f"expected {field_name} NAME:NUMBER, got {text!r}; as in free:3, pgd:5 or invariance:0.1")


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
        _require_choices(self)
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
class MethodConfig:
    """Settings that every method has; each method's file adds its own."""

    head_layers: int = 2
    """Linear layers in the projection head: 2 or 3. Comparisons use the same number for every method."""
    head_dim: int = 128
    """Width of the embeddings."""

    def __post_init__(self) -> None:
        require(self.head_layers in (2, 3), "head_layers 2 or 3", self.head_layers, "compare methods at equal depth")
        require(self.head_dim >= 1, "head_dim >= 1", self.head_dim, "the papers use 128")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides what a run computes. The command line has the same names."""

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
    """FILE.csv:COLUMN, a column of the source, or 'folder': what audits may split images by, such as site or camera."""
    resize: Literal["crop", "square", "squash", "pad"] = "crop"
    """How a picture becomes square: the shorter side to the image size (above 64 pixels: to 256 / 224 of it), then the
    centre; the largest centred square; squashed whole; or whole, filled up with white."""
    memory_gib: float = 4.0
    """Most GiB of decoded pixels in memory; a folder or parquet files beyond it are streamed by workers."""
    workers: int | None = None
    """Processes that decode where images are streamed; None: one for each core, 8 at most."""
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
    optimizer: Literal["sgd", "lars", "adamw", "muon"] = "sgd"
    """SGD, LARS and Muon use momentum; AdamW uses betas 0.9 and 0.999."""
    lr: float = 0.5
    """Peak learning rate, not scaled by the batch."""
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
    adversary: str | None = None
    """'pgd:5' trains on views moved by 5 steps up the loss, 'free:3' replays each batch 3 times; None: no attack."""
    adversary_eps: float = 8 / 255
    """How far the adversary may move a view, in pixels of [0, 1], by its norm."""
    adversary_step: float = 0.01
    """Length of an adversary's step, by its norm."""
    adversary_norm: Literal["linf", "l2"] = "linf"
    """How a perturbation is measured: its largest pixel, or its length over all pixels of a view."""
    adversary_start: Literal["zero", "random"] = "zero"
    """Where the adversary starts: pgd at each batch, free at the first."""
    adversary_statistics: Literal["kept", "moved"] = "kept"
    """Whether attack passes move the running statistics of batch norms, as the authors' do."""
    penalty: str | None = None
    """'invariance:0.1' adds 0.1 times how far features move with a view's nuisances (colours); None: no penalty."""
    penalty_form: Literal["pair", "vjp"] = "pair"
    """'pair' encodes view 1 once more with other nuisances; 'vjp' is InvCLR's own, by a second backward."""
    penalty_limit: float = 1.0
    """Largest value of the vjp form; InvCLR uses 1 for colours and 1000 for Spirograph."""
    penalty_clip: Literal["batch", "sample", "none"] = "batch"
    """What the limit holds for: the batch's mean (InvCLR: above it no gradient is left), each sample, or nothing."""
    penalty_draws: int = 100
    """Fresh draws of the nuisances in the vjp form; 0 takes the expectation over them in closed form."""
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
        _require_choices(self)
        for name in ("epochs", "devices", "keep_checkpoints"):
            require(getattr(self, name) >= 1, f"{name} >= 1", getattr(self, name), f"set --{name.replace('_', '-')}")
        require(self.memory_gib > 0, "memory_gib > 0", self.memory_gib, "it is in GiB; the default is 4")
        require(self.batch_size >= 2, "batch_size >= 2", self.batch_size, "contrast needs another image; try 256")
        require(self.lr > 0 and self.lr_end >= 0, "lr > 0 and lr_end >= 0", (self.lr, self.lr_end), "SDCLR uses 0.5")
        require(0 <= self.momentum < 1, "momentum in [0, 1)", self.momentum, "the papers use 0.9")
        require(self.lars_trust > 0, "lars_trust > 0", self.lars_trust, "EMP-SSL uses 0.005")
        if self.adversary is not None:
            parse_part("adversary", self.adversary)
        if self.penalty is not None:
            parse_part("penalty", self.penalty)
            twice = self.compile and self.penalty_form == "vjp"
            require(not twice, "--penalty-form pair with --compile", "vjp", "compiled networks have no second backward")
        require(not (self.whiten and self.init), "--whiten without --init", self.init, "trained filters would be lost")
        require(self.penalty_limit > 0, "penalty_limit > 0", self.penalty_limit, "or set --penalty-clip none")
        for name in ("weight_decay", "warmup_epochs", "adversary_eps", "adversary_step", "penalty_draws"):
            require(getattr(self, name) >= 0, f"{name} >= 0", getattr(self, name), "0 switches it off")
        for names, least in (("limit image_size threads checkpoint_steps", 1), ("holdout signals_every workers", 0)):
            for name in names.split():
                value = getattr(self, name)
                require(value is None or value >= least, f"{name} >= {least}", value, "leave it out for the default")


def to_document(config: RunConfig, method: str, version: str) -> dict[str, Any]:
    """A configuration as JSON values: the content of a run's config.json. method: its name in METHODS."""
    document = asdict(config)
    settings = document.pop("method")
    return {"schema": SCHEMA_VERSION, "version": version, "method": method, "settings": settings, **document}


def from_document(document: Mapping[str, Any], methods: Mapping[str, type[MethodConfig]]) -> RunConfig:
    """What to_document was given. methods: settings classes by method name.

    Raises ValueError for another schema version, an unknown method, and any key that this version does not know.
    """
    rest = dict(document)
    schema, name = rest.pop("schema", None), rest.pop("method", None)
    require(schema == SCHEMA_VERSION, f"config schema {SCHEMA_VERSION}", schema, "use the holdfast that wrote it")
    require(name in methods, f"a method of {', '.join(methods)}", name, "use the holdfast that wrote it")
    rest.pop("version", None)
    settings = _typed(methods[str(name)], rest.pop("settings", {}))
    return _typed(RunConfig, rest | {"method": settings, "views": _typed(ViewSettings, rest.pop("views", {}))})


def _typed(kind: type[_T], values: Mapping[str, Any]) -> _T:
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    require(not unknown, f"only settings of {kind.__name__}", ", ".join(unknown), "use the holdfast that wrote it")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
