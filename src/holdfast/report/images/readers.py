"""What an audit tells of each image, and which images it holds worth a look: each axis brings one such reader."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from holdfast.atlas import Atlas
from holdfast.findings import Finding
from holdfast.report.images.fields import Field, twins_of
from holdfast.report.images.gallery import Gallery
from holdfast.report.images.sets import Pictures, View

_CHECKSUMS = {"test": "test_checksum", "scored": "scored_checksum"}
"""By set of images: the setting of a finding that says which images it is about."""


def no_fields(findings: Mapping[str, Finding], atlas: Atlas) -> Iterator[Field]:
    """For audits that know nothing of single images, or whose fields another one gives."""
    return iter(())


def no_galleries(number: int, view: View, pictures: Pictures) -> Iterator[Gallery]:
    """For audits that hold no images worth a look."""
    return iter(())


@dataclass(frozen=True, kw_only=True)
class PerImage:
    """How one audit is read image by image."""

    kind: Literal["test", "scored"] = "test"
    """Which images: a name in atlas.NAMES."""
    fields: Callable[[Mapping[str, Finding], Atlas], Iterable[Field]] = no_fields
    """The columns of those findings that are about the atlas's images, in its order."""
    galleries: Callable[[int, View, Pictures], Iterable[Gallery]] = no_galleries
    """The galleries of a view, which is the page's number-th."""
    keys: Sequence[str] = ()
    """Keys of all galleries that it may give, in the order of the page."""
    rank: int = 0
    """Place of its galleries among those of other audits, lowest first."""


def fields_of(kind: str, atlas: Atlas, findings: Mapping[str, Finding], readers: Sequence[PerImage]) -> list[Field]:
    """The columns of an atlas's images, in its order; findings on other images than the atlas's give nothing."""
    fitting = {k: f for k, f in findings.items() if f.settings.get(_CHECKSUMS[kind]) == atlas.checksum}
    found = [field for reader in readers if reader.kind == kind for field in reader.fields(fitting, atlas)]
    return [*found, twins_of(atlas)]
