"""Tar files as webdataset writes them: pictures, and files of the same name beside them that say more."""

import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from holdfast.data.files import (
    PICTURES,
    READ_IN_PART,
    LoadRequest,
    Member,
    Rejected,
    Row,
    TarMembers,
    decode_rows,
    is_remote,
    members_of,
    read_file,
    reason,
    tar_files,
    text_of,
    unread,
    what_is,
)
from holdfast.data.images import Images
from holdfast.data.labels import class_numbers
from holdfast.data.sources.aside import Decoded, held, scaled_alike, streamed, without
from holdfast.data.sources.shards import TAR, check_one_split, holds_tars
from holdfast.data.sources.source import Column, Items, Labels, Source, items_of

LABEL = "cls"
"""Suffix of the file that holds the class of the picture beside it."""
_PIECE = 64


@dataclass(frozen=True, eq=False)
class _Index:
    """What the tar files hold."""

    files: tuple[str, ...]
    pictures: list[tuple[int, Member]] = field(default_factory=list)
    """(file, member), in order."""
    beside: dict[tuple[int, str, str], Member] = field(default_factory=dict)
    """By (file, key, suffix): what is no picture."""
    kinds: Counter[str] = field(default_factory=Counter)
    """How many files there are of each suffix."""
    skipped: list[Rejected] = field(default_factory=list)
    """Tar files that could not be read."""
    others: dict[str, int] = field(default_factory=dict)
    """By tar file: entries that are no files, such as folders and links."""
    harm: dict[int, str] = field(default_factory=dict)
    """By number, what of a tar file is missing."""
    edges: set[tuple[int, str]] = field(default_factory=set)
    """(file, key) of what lies beside something that is missing."""
    lost: list[Rejected] = field(default_factory=list)
    """Tar files that are read in part, and pictures without what stood beside them there."""
    notes: list[str] = field(default_factory=list)

    def explained(self, number: int) -> str:
        """What explains a file that is missing in a tar file, where something does."""
        return f"{self.files[number]} is {self.harm[number]}; " if number in self.harm else ""


class Tar(Source):
    """'FILE.tar', a folder that holds such files, or a pattern, here or behind a URL, in the order of their names."""

    written = "a .tar file of pictures, a folder or pattern of them (also s3://, gs://, hf://)"
    on_disk = False
    in_blocks = True

    @staticmethod
    def matches(name: str) -> bool:
        return name.endswith(TAR) or (not is_remote(name) and holds_tars(Path(name)))

    @cached_property
    def index(self) -> _Index:
        """Read from the headers. Raises FileNotFoundError where there is no file, ValueError where none can be read
        or they are of several splits."""
        index = _Index(tuple(tar_files(self.name)))
        check_one_split(list(index.files), TAR)
        for number, file in enumerate(index.files):
            if (known := self.left_out(file)) is not None:
                index.skipped.append(known)
            else:
                _add(index, number, file)
        if len(index.skipped) == len(index.files):
            first = index.skipped[0]
            remedy = "" if ";" in first.reason else "; write it again, uncompressed"
            raise ValueError(f"expected a tar file, got {first.path}: {first.reason}{remedy}")
        _leave_out(index)
        index.notes.extend([*_counts(index), *(f"{one.path} is skipped: {one.reason}" for one in index.skipped)])
        index.notes.extend(f"{one.path} is {one.reason}" for one in index.lost)
        return index

    def load(self, request: LoadRequest) -> Images:
        """Every picture of the tar files; an id is a picture's place among those of all files that can be read.

        What cannot be decoded is in .rejected and keeps its id; a tar file that cannot be read, after some tries, is
        there too, and said, as is one that is damaged or cut short, of which the rest is read. Raises ValueError where
        there is no picture, and with request.strict for such a file.
        """
        index = self.index
        if request.strict and (missing := [*index.skipped, *index.lost]):
            one = missing[0]
            raise ValueError(
                f"expected tar files that can be read, got {one.path}: {one.reason}; write it again, or leave --strict "
                "out"
            )
        held_by = Counter(number for number, _ in index.pictures)
        known = tuple((Path(file).name, held_by[number]) for number, file in enumerate(index.files) if held_by[number])
        files = request.checked(known, self.name)
        places = request.places(len(index.pictures), self.name)
        labels, classes = self.labels(request)

        def decode(request: LoadRequest) -> Decoded:
            members = self._members(request)
            if request.is_streamed(len(places)):
                return streamed(members, places, request)
            blocks = _blocks(members, places.numpy())
            return decode_rows(blocks, images=len(places), request=request, source=self.name, name=members.name)

        pixels, rejected, ranges = scaled_alike(decode, request, len(places), self.name)
        rejected = held(rejected, self.unread, places)
        names = tuple(index.pictures[place][1].name for place in places.tolist())
        own = labels if labels is None else labels[places]
        images = without(Images(pixels, places, own, classes, self.name, paths=names), rejected, ranges)
        return replace(images, files=files, rejected=(*images.rejected, *index.skipped, *index.lost)).noted(index.notes)

    def labels(self, request: LoadRequest) -> Labels:
        """What the .cls files say, where every picture has one beside it; none where none has."""
        if not request.labels or not any(suffix == LABEL for _, _, suffix in self.index.beside):
            return None, None
        return class_numbers(*self.column(LABEL), self.name)

    def column(self, name: str) -> Column:
        """What stands in the files of a suffix beside the pictures: whole numbers, or text."""
        values = []
        for number, member in self.index.pictures:
            beside = self.index.beside.get((number, key_of(member.name)[0], name))
            if beside is None:
                known = sorted({suffix for _, _, suffix in self.index.beside}) or ["none"]
                raise ValueError(
                    f"expected a .{name} file beside every picture of {self.name}, got none for {member.name!r}; "
                    f"{self.index.explained(number)}suffixes beside pictures: {', '.join(known)}; or leave labels out: "
                    "--labels none"
                )
            values.append(text_of(self.index.files[number], beside))
        whole = all(value.removeprefix("-").isdigit() for value in values)
        return pa.array([int(value) for value in values] if whole else values), None

    def survey(self, request: LoadRequest) -> Items:
        index, members, holds = self.index, self._members(request), tuple(_counts(self.index))
        left_out = tuple(note for note in index.notes if note not in holds)
        items = items_of(
            len(index.pictures), members.tried, lambda place: index.pictures[place][1].name, None, left_out
        )
        return replace(items, holds=holds)

    def _members(self, request: LoadRequest) -> TarMembers:
        found = self.index.pictures
        file, start, size = (
            np.array(one, np.int64)
            for one in ([n for n, _ in found], [m.start for _, m in found], [m.size for _, m in found])
        )
        return TarMembers(self.index.files, file, start, size, request, self.name)


def key_of(name: str) -> tuple[str, str]:
    """('2024.05.01/a.b', 'jpg') of '2024.05.01/a.b.jpg': a name ends at the last dot of its last part."""
    folder, slash, last = name.rpartition("/")
    stem, dot, suffix = last.rpartition(".")
    return (folder + slash + (stem if dot else last), suffix.lower() if dot else "")


def _add(index: _Index, number: int, file: str) -> None:
    """The members of a tar file, or why it is skipped."""
    try:
        found = read_file(file, partial(members_of, texts=f".{LABEL}"))
    except OSError as error:
        index.skipped.append(Rejected(file, reason(unread(error))))
        return
    except tarfile.TarError as error:
        index.skipped.append(Rejected(file, what_is(file) or reason(error)))
        return
    index.others[file] = found.others
    if found.harm:
        index.harm[number] = found.harm
        index.lost.append(Rejected(file, f"{READ_IN_PART}: {found.harm}"))
    beside = (member for after in found.breaks for member in found.members[max(0, after - 1) : after + 1])
    index.edges.update((number, key_of(member.name)[0]) for member in beside)
    for member in found.members:
        key, suffix = key_of(member.name)
        index.kinds[f".{suffix}" if suffix else "without a suffix"] += 1
        if f".{suffix}".encode() in PICTURES:
            index.pictures.append((number, member))
        else:
            index.beside[number, key, suffix] = member


def _leave_out(index: _Index) -> None:
    """Leaves out pictures at the edge of damage that lack what stands beside most pictures, such as their label."""
    if not index.edges:
        return
    pairs = [(number, key_of(member.name)[0]) for number, member in index.pictures]
    known, kept = set(pairs), []
    has = Counter(suffix for number, key, suffix in index.beside if (number, key) in known)
    usual = [suffix for suffix, count in sorted(has.items()) if 2 * count > len(pairs)]
    for pair, one in zip(pairs, index.pictures, strict=True):
        gone = [f".{suffix}" for suffix in usual if (*pair, suffix) not in index.beside]
        if pair in index.edges and gone:
            why = f"left out without its {' and '.join(gone)}, for {index.files[pair[0]]} is damaged or cut short there"
            index.lost.append(Rejected(one[1].name, why))
        else:
            kept.append(one)
    index.pictures[:] = kept


def _counts(index: _Index) -> Iterator[str]:
    """How many files there are of each kind; with what is no file they add up to what `tar -t` lists."""
    kinds = {kind: count for kind, count in index.kinds.items() if kind.encode() not in PICTURES}
    said = "".join(f", {count:,} {kind}" for kind, count in sorted(kinds.items()))
    others = sum(index.others.values())
    said += f"; {others:,} folders, links and the like beside them" if others else ""
    total, files = index.kinds.total(), len(index.files) - len(index.skipped)
    hold = "1 tar file holds" if files == 1 else f"{files:,} tar files hold"
    yield f"{hold} {total:,} files: {len(index.pictures):,} pictures{said}"


def _blocks(members: TarMembers, places: np.ndarray) -> Iterator[list[Row]]:
    for start in range(0, len(places), _PIECE):
        yield [(place, members.tried(place)) for place in places[start : start + _PIECE].tolist()]
