"""Every kind of source. A new one is a file beside this one and a line here."""

from holdfast.data.sources.arrays import ArrayFile
from holdfast.data.sources.curves import Curves
from holdfast.data.sources.digits import Digits
from holdfast.data.sources.folder import PictureFolder
from holdfast.data.sources.parquet import ParquetFiles
from holdfast.data.sources.source import Source
from holdfast.data.sources.spirograph import Spirograph
from holdfast.data.sources.tar import Tar
from holdfast.data.sources.torchvision import TorchvisionSet

SOURCES: dict[str, type[Source]] = {
    "digits": Digits,
    "curves": Curves,
    "spirograph": Spirograph,
    "torchvision": TorchvisionSet,
    "folder": PictureFolder,
    "parquet": ParquetFiles,
    "tar": Tar,
    "arrays": ArrayFile,
}
"""Kinds of source by name; a source is of the first that matches."""
