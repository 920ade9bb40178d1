"""Medical and phone pictures that Pillow does not read: DICOM by pydicom, HEIC by pillow-heif, each an extra."""

from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from holdfast.data.files.deep.stored import carrier

_HEIF = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
"""Brands of files whose pictures HEVC compresses."""


def opened(file: BinaryIO) -> Image.Image | None:
    """A DICOM or HEIC file as Pillow's image; None for any other file, without the extra, and for a damaged HEIC.

    The position stays at the beginning where nothing is returned. Raises ValueError, with pydicom's reason, for a DICOM
    file that it does not read.
    """
    head = file.read(132)
    file.seek(0)
    read = _dicom if head[128:132] == b"DICM" else _heif if head[4:8] == b"ftyp" and head[8:12] in _HEIF else None
    if read is None:
        return None
    try:
        return read(file)
    except ImportError:
        pass
    except Exception as error:  # these libraries raise whatever a damaged file makes of them
        if read is _dicom:
            raise ValueError(
                f"a DICOM file that pydicom does not read: {(str(error).splitlines() or ['no reason given'])[0]}"
            ) from error
    file.seek(0)
    return None


def _heif(file: BinaryIO) -> Image.Image:
    """The primary picture, turned by its own transformations; an orientation in EXIF never turns a HEIC."""
    import pillow_heif

    found = pillow_heif.read_heif(file)
    image = found.to_pillow()
    image.info.pop("exif", None)
    return _named(image, "HEIF", len(found))


def _dicom(file: BinaryIO) -> Image.Image:
    """The first frame: rescaled, windowed as the file says, bright where it is dense; colours as RGB.

    pydicom turns YBR into RGB as it decodes, and the tag goes on saying YBR (from 3.0 on).
    """
    import pydicom

    data = pydicom.dcmread(file)
    frame = data.pixel_array
    frames = int(getattr(data, "NumberOfFrames", 1) or 1)
    return _named(_shown(data, frame[0] if frames > 1 else frame), "DICOM", frames)


def _named(image: Any, kind: str, frames: int) -> Image.Image:
    image.format, image.n_frames = kind, frames
    return image


def _shown(data: Any, frame: np.ndarray) -> Image.Image:
    from pydicom.pixels.processing import apply_color_lut

    kind = str(data.PhotometricInterpretation)
    if kind == "PALETTE COLOR":
        frame, kind = apply_color_lut(frame, data), "RGB"
        frame = frame / 256 if frame.dtype.itemsize > 1 else frame
    if frame.ndim == 3:
        return Image.fromarray(np.clip(frame, 0, 255).astype(np.uint8))
    if getattr(data, "WindowCenter", None) is None or getattr(data, "WindowWidth", None) is None:
        return carrier(_rescaled(_inverted(frame, data) if kind == "MONOCHROME1" else frame, data), "DICOM")
    grey = windowed(_rescaled(frame, data), data)
    if kind == "MONOCHROME1":
        grey = 1 - grey
    return Image.fromarray(np.round(255 * grey).astype(np.uint8))


def _inverted(stored: np.ndarray, data: Any) -> np.ndarray:
    """Stored values with the least as the most, within the bits that the file gives them."""
    return (-1 if data.PixelRepresentation else 2 ** int(data.BitsStored) - 1) - stored.astype(np.int64)


def _rescaled(stored: np.ndarray, data: Any) -> np.ndarray:
    """Values in the file's own units: whole numbers where slope and intercept are."""
    slope, intercept = _number(data, "RescaleSlope", 1), _number(data, "RescaleIntercept", 0)
    values = stored.astype(np.float64) * slope + intercept
    return values.astype(np.int64) if slope.is_integer() and intercept.is_integer() else values


def _number(data: Any, name: str, default: float) -> float:
    value = getattr(data, name, None)
    return float(default if value is None else value)


def windowed(values: np.ndarray, data: Any) -> np.ndarray:
    """Values in [0, 1] by the file's first window (DICOM PS3.3 C.11.2.1.2)."""
    windows = (data.WindowCenter, data.WindowWidth)
    centre, width = (float(np.atleast_1d(np.asarray(some, dtype=float))[0]) for some in windows)
    function = str(getattr(data, "VOILUTFunction", "LINEAR"))
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * (values - centre) / width))
    if function == "LINEAR_EXACT":
        return np.clip((values - centre) / width + 0.5, 0, 1)
    return np.clip((values - (centre - 0.5)) / max(width - 1, 1e-9) + 0.5, 0, 1)
