"""Folders that other libraries write: transformers' and open_clip's, read through timm's networks of the same kind."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.models.load.folders.hub import FOLDERS as FOLDERS
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
