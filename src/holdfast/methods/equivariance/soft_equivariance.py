"""SER: the map of a middle layer turns and scales with the image; the last layer need not (arXiv:2603.06693)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from holdfast.config import Kinds, PartConfig, RunConfig, require
from holdfast.data.views import Frame, Nuisances, of_images, two_frames
from holdfast.distributed import gather, join_rows, rank
from holdfast.methods.base import Method, Views, untracked
from holdfast.methods.strength_schedule import found_nuisances
from holdfast.models import Encoder, Teacher, feature_map, map_shape, require_sizes, take_any_size
from holdfast.objectives import likeness, place_info_nce
from holdfast.randomness import fold, sample_keys, seeded_library, uniform

Find = Callable[[Views], Nuisances]
WIDTH = 512
"""Width of the projection of each place, hidden and last; the authors have the same."""


@dataclass(frozen=True, kw_only=True)
class SERConfig(PartConfig):
    """Soft equivariance."""

    word = "soft_equivariance"
    example = "ser:1"
    purpose = "equivariance"
    soft_equivariance: str | None = None
    """'ser:1' adds 1 times how badly a middle layer's map follows an image that is turned, mirrored and resized; None:
    no."""
    soft_equivariance_share: float = 0.01
    """Share of a batch that the term is taken of, two images at least; the authors take 0.01."""
    soft_equivariance_layer: int = 3
    """Which map of features, as timm counts them from 1: the third is block 3 of a ViT, as the authors have it, and
    stage 2 of a ResNet, whose stem counts."""
    soft_equivariance_temperature: float = 0.5
    """Divides cosine similarities; the authors use 0.5 for MoCo v3 and 0.4 for DINO and Barlow Twins."""
    soft_equivariance_resize: float = 0.3
    """An image's area is drawn from 1 ± this, its sides' ratio from 3/4 to 4/3; 0: both stay, for networks of one
    size."""

    def __post_init__(self) -> None:
        super().__post_init__()
        share, resize = self.soft_equivariance_share, self.soft_equivariance_resize
        temperature = self.soft_equivariance_temperature
        require(0 < share <= 1, "soft_equivariance_share in (0, 1]", share, "the authors take 0.01")
        require(0 <= resize < 1, "soft_equivariance_resize in [0, 1)", resize, "the authors take 0.3")
        require(temperature > 0, "soft_equivariance_temperature > 0", temperature, "the authors use 0.5")

    @staticmethod
    def kinds() -> Kinds:
        return SOFT_EQUIVARIANCES, "W", 0

    def wrap(self, method: Method, config: RunConfig) -> Method:
        part, weight = self.pick()
        with seeded_library(config.seed, "soft equivariance"):
            return part(method, self, found_nuisances(config), weight=weight, seed=config.seed)


class SoftEquivariance(Method):
    """Adds InfoNCE between the places of two maps of the same crop in other colours, each in a frame of its own.

    One is carried into the other's frame, where each place has the same place of its own image to find among those of
    all other images. The carried map is of the method's slow teacher, where it has one. Only some images of a batch are
    looked at, and only up to the layer; running statistics stay as they are.
    """

    def __init__(self, inner: Method, settings: SERConfig, find: Find, *, weight: float, seed: int):
        self.wrap(inner)
        self.settings, self.find, self.weight, self.seed = settings, find, weight, seed
        self._readings: list[Tensor] = []
        encoder, layer = self._encoders()[0], settings.soft_equivariance_layer
        for one in self._encoders():
            take_any_size(one.network)
        channels, self.stride = map_shape(encoder, layer=layer)
        if settings.soft_equivariance_resize:
            require_sizes(encoder, layer=layer, remedy="set --soft-equivariance-resize 0, or take a ResNet")
        first, last = nn.Linear(channels, WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.projector = nn.Sequential(nn.LayerNorm(channels), first, nn.GELU(), last)

    def _encoders(self) -> tuple[Encoder, ...]:
        """The encoder, and its slow teacher's where the method has one."""
        modules = self.inner.innermost().modules()
        networks = [m.network for m in modules if isinstance(m, Teacher) and isinstance(m.network, nn.Sequential)]
        return tuple(network[0] for network in [self.network, *networks[:1]])  # type: ignore[misc]

    def loss(self, views: Views) -> Tensor:
        loss = self.inner.loss(views)
        rows, anchor = self._chosen(views)
        seen = of_images(views, rows)
        keys = self._keys(seen)
        found = self.find(seen)
        colours = found.low + (found.high - found.low) * uniform(keys, found.values.shape[1])
        cells = seen.images.shape[-1] // self.stride
        frames = two_frames(anchor, fold(keys, 1), cells=cells, resize=self.settings.soft_equivariance_resize)
        other = found.render(colours) if len(rows) else seen.images[0]  # none of this rank's are looked at
        images = frames[0].seen(seen.images[0], self.stride), frames[1].seen(other, self.stride)
        with untracked(self.network):
            term, alike = self._term(images, frames)
        self._readings.append(torch.stack([term, alike]).detach())
        return loss + self.weight * term

    def _term(self, images: tuple[Tensor, Tensor], frames: tuple[Frame, Frame]) -> tuple[Tensor, Tensor]:
        """The term, the mean of both ways round, and how alike the places of an image are, each projected by itself."""
        layer = self.settings.soft_equivariance_layer
        encoder, *teachers = self._encoders()
        own = [feature_map(encoder, one, layer=layer) for one in images]
        slow = own
        for teacher in teachers:
            with torch.no_grad():
                slow = [feature_map(teacher, one, layer=layer) for one in images]
        terms, alike = [], []
        for here, there in ((0, 1), (1, 0)):
            carried = frames[here].carried(slow[there], of=frames[there])
            queries, keys = (gather(self.projector(maps.flatten(2).mT)) for maps in (own[here], carried))
            terms.append(place_info_nce(queries, keys, temperature=self.settings.soft_equivariance_temperature))
            alike.append(likeness(queries.detach()))
        return torch.stack(terms).mean(), torch.stack(alike).mean()

    def _keys(self, views: Views) -> Tensor:
        """int64 [n]: keyed by epoch and id, as the views are."""
        batch = views.batch
        return sample_keys(self.seed, "soft equivariance", epoch=batch.epoch, ids=batch.ids, views=1)[0]

    def _chosen(self, views: Views) -> tuple[Tensor, Tensor]:
        """Rows of this rank's images among those with the lowest keys of all, and the lowest key."""
        keys, counts = join_rows(self._keys(views))
        order = keys.argsort()[: max(2, round(self.settings.soft_equivariance_share * len(keys)))]
        own = order - int(counts[: rank()].sum())
        own = own[(own >= 0) & (own < len(views.batch.ids))]
        return own.to(views.images.device), keys[order[0]]

    def harm(self, views: Views) -> Tensor:
        return self.inner.harm(views)

    def readings(self) -> dict[str, float]:
        """soft_equivariance: the term; places_alike: the mean cosine of two places of an image, 1 where the map says
        nothing of places, which makes the term small as well."""
        if not self._readings:
            return super().readings()
        term, alike = torch.stack(self._readings).mean(0).tolist()
        self._readings.clear()
        return super().readings() | {"soft_equivariance": term, "places_alike": alike}


SOFT_EQUIVARIANCES = {"ser": SoftEquivariance}
"""What `soft_equivariance` may name, before the colon; the number after it is the term's weight."""
