"""What a file is that is no picture here, with the way out; and what of a picture's file is not taken."""

from typing import IO, Any

from PIL import Image

NO_PICTURE = "no picture of a format that can be read"
_TAGS = {"kind": 254, "samples": 277, "below": 330, "extra": 338, "colours": 262}  # of TIFF
_RGB = 2
_OPACITY = {1, 2}


def named_as(file: IO[bytes]) -> str:
    """What a file is that Pillow does not know, by its first bytes, and what to do."""
    file.seek(0)
    head = file.read(348)
    return next((text for known, text in _FOREIGN if known(head)), NO_PICTURE)


def is_foreign_picture(head: bytes) -> bool:
    """Whether a file begins as a picture, or an archive of them, that Pillow does not read."""
    return any(known(head) for known, _ in _FOREIGN)


def _box(*brands: bytes) -> Any:
    return lambda head: head[4:8] == b"ftyp" and head[8:12] in brands


_FOREIGN = (
    (
        _box(b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"heif"),
        "a HEIC picture; pip install pillow-heif (holdfast[heif]), or convert it to JPEG or PNG",
    ),
    (_box(b"avif", b"avis"), "an AVIF picture, which this Pillow does not read; convert it to PNG"),
    (_box(b"crx "), "a raw picture of a camera (CR3); develop it to TIFF or JPEG"),
    (
        lambda head: head[:2] == b"\xff\x0a" or head[:12] == b"\0\0\0\x0cJXL \r\n\x87\n",
        "a JPEG XL picture; convert it to PNG (djxl FILE.jxl FILE.png)",
    ),
    (
        lambda head: head[128:132] == b"DICM",
        "a DICOM file; convert it to 16-bit PNG or TIFF, with the window or the units that you mean, "
        "or pip install 'holdfast[dicom]'",
    ),
    (lambda head: head[:4] in (b"PK\3\4", b"PK\5\6"), "a zip archive; unpack it and give the folder"),
    (lambda head: head[:2] == b"\x1f\x8b", "a gzip archive; unpack it"),
    (lambda head: head[:6] == b"Rar!\x1a\x07", "a RAR archive; unpack it and give the folder"),
    (lambda head: head[:6] == b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it and give the folder"),
    (lambda head: head[257:262] == b"ustar", "a tar archive; unpack it and give the folder"),
    (lambda head: head[:4] == b"SIMP", "a FITS file; convert it to 16-bit or floating-point TIFF"),
    (lambda head: head[:4] == b"\x89HDF", "an HDF5 file; save its pictures as files or as .npz"),
    (
        lambda head: head[:4] == b"\x5c\x01\0\0" or head[344:347] in (b"n+1", b"ni1"),
        "a NIfTI volume; save its slices as files",
    ),
    (lambda head: head[4:8] == b"ftyp", "a film; save its frames as pictures"),
    (
        lambda head: head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")),
        "a web page; download the file itself",
    ),
    (lambda head: head.lstrip()[:5] in (b"<?xml", b"<svg "), "a drawing or text; save it as PNG"),
)


def untaken(image: Image.Image) -> tuple[str, ...]:
    """What a file has beside the picture that is taken: pages, pictures in pictures, bands beyond the third."""
    found = []
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        pages = image.format in ("TIFF", "MPO", "ICO", "PSD")
        found.append("pages beyond the first" if pages else "frames beyond the first")
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return tuple(found)
    if int(tags.get(_TAGS["kind"], 0)) & 1:
        found.append("the first page is a small copy, and the picture itself is another page")
    if _TAGS["below"] in tags:
        found.append("pictures below the first page (SubIFDs, as DNG has them)")
    samples, extra = int(tags.get(_TAGS["samples"], 1)), tuple(tags.get(_TAGS["extra"], ()))
    usual = 3 if tags.get(_TAGS["colours"]) == _RGB else len(image.getbands())
    if samples > usual + sum(kind in _OPACITY for kind in extra):
        found.append(f"bands beyond the first {usual}")
    return tuple(found)
