"""What lies in a folder beside its pictures: files of other kinds, archives, and what this package itself leaves."""

# A Path for each of a million files would cost more than the walk.
# ruff: noqa: PTH118, PTH122, PTH123

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from holdfast.data.files.foreign import is_foreign_picture

PICTURES = frozenset(
    b".jpg .jpeg .jpe .jfif .jif .png .apng .gif .bmp .dib .tif .tiff .webp .ppm .pgm .pbm .pnm .pfm .jp2 .j2k .j2c "
    b".jpc .jpf .jpx .ico .icns .tga .vda .vst .pcx .psd .dds .sgi .rgb .rgba .bw .im .xbm .xpm .qoi .msp .eps .ps "
    b".avif .avifs .heic .heif .hif .jxl .dcm .dicom .dng .cr2 .cr3 .nef .arw .orf .rw2 .raf .fli .flc .cur .pcd .spi "
    b".fits .fit .wmf .emf .blp .ftc .ftu .gbr .iim .mic .mpo .pxr .ras .wal .jpeg2000 .spider .dcx .icb .palm".split()
)
"""Suffixes of pictures: such a file counts, whatever is in it."""
TEXTS = frozenset(
    b".txt .csv .tsv .json .jsonl .ndjson .xml .yaml .yml .toml .md .rst .html .htm .pdf .py .sh .log .db .ini "
    b".npy .npz .pkl .pt .pth .safetensors .parquet .svg .url .lock".split()
)
"""Suffixes of what usually lies beside pictures: left out without a word, unless it begins as a picture does."""
ARCHIVES = frozenset(b".zip .tar .gz .tgz .bz2 .xz .7z .rar .zst".split())
_BEGIN = (
    *(b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM", b"8BPS", b"qoif", b"DDS "),
    *(b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51", b"\0\0\1\0", b"icns", b"\x01\xda", b"%!PS", b"\x59\xa6\x6a\x95"),
    *(b"P%d%c" % (number, white) for number in range(1, 8) for white in b" \n\r\t"),
)
_SOME = 5
_SMALL = 200  # entries of a folder among whose few JSON files a finding is looked for


@dataclass
class LeftOut:
    """What a walk leaves out, for notes."""

    folders: list[tuple[bytes, str]] = field(default_factory=list)
    archives: list[bytes] = field(default_factory=list)
    suffixes: Counter[str] = field(default_factory=Counter)

    def notes(self, root: bytes) -> tuple[str, ...]:
        """A line for each kind of thing; folders relative to the root."""
        lines = []
        if self.folders:
            named = [f"{_printable(os.path.relpath(name, root))} ({kind})" for name, kind in sorted(self.folders)]
            lines.append(f"folders left out: {_some(named)}")
        if self.archives:
            named = [_printable(name) for name in sorted(self.archives)]
            tars = any(name.lower().endswith(b".tar") for name in self.archives)
            lines.append(
                f"archives are not opened: {_some(named)}; unpack them to have what is in them"
                + ", or read the .tar files alone, as in --data 'FOLDER/*.tar'" * tars
            )
        if self.suffixes:
            counts = [f"{name} {count:,}" for name, count in self.suffixes.most_common()]
            lines.append(f"{self.suffixes.total():,} files that are no pictures are not counted: {_some(counts)}")
        return tuple(lines)


def _some(named: Sequence[str]) -> str:
    more = f" and {len(named) - _SOME:,} others" if len(named) > _SOME else ""
    return ", ".join(named[:_SOME]) + more


def _printable(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def begins_as_picture(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a picture that can be read."""
    return head.startswith(_BEGIN) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def own_folder(path: bytes, entries: Sequence["os.DirEntry[bytes]"]) -> str | None:
    """What a folder is that no picture of a collection lies in: a run, findings, what macOS packs; None for others."""
    if path.endswith(b"/__MACOSX"):
        return "resource forks of macOS"
    names = {entry.name for entry in entries}
    if {b"config.json", b"ids.json"} <= names or b"study.json" in names:
        return "a run"
    if {b"atlas.jpg", b"samples.parquet"} <= names:
        return "an audit"
    reports = [name for name in names if name.endswith(b".json")] if len(names) <= _SMALL else []
    return "an audit" if any(_is_finding(os.path.join(path, name)) for name in reports) else None


def _is_finding(path: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            head = file.read(200)
    except OSError:
        return False
    return b'"schema"' in head and b'"audit"' in head


def is_beside(entry: "os.DirEntry[bytes]", left: LeftOut) -> bool:
    """Whether a file is no picture: by its suffix, unless it begins as a picture does. One without suffix may be."""
    suffix = os.path.splitext(entry.name)[1].lower()
    if not suffix or suffix in PICTURES:
        return False
    try:
        if not entry.is_file():
            return suffix in TEXTS | ARCHIVES
        with open(entry.path, "rb", buffering=0) as file:
            head = file.read(348)
    except OSError:  # why is found when its turn to be read comes
        return suffix in TEXTS | ARCHIVES
    if begins_as_picture(head):
        return False
    if suffix in ARCHIVES:
        left.archives.append(entry.name)
    elif is_foreign_picture(head) and suffix not in TEXTS:
        return False
    elif suffix not in TEXTS:
        left.suffixes[_printable(suffix)] += 1
    return True
