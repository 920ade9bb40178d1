"""Encoders from what people have on disk: a file for each layout, tried by content."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.models.load.copies import beginnings as beginnings
    from holdfast.models.load.copies import chosen as chosen
    from holdfast.models.load.copies import split_copy as split_copy
    from holdfast.models.load.file import converted as converted
    from holdfast.models.load.onnx_graph import METADATA as METADATA
    from holdfast.models.load.onnx_graph import OnnxEncoder as OnnxEncoder
    from holdfast.models.load.own import check_own as check_own
    from holdfast.models.load.own import save_encoder as save_encoder
    from holdfast.models.load.reading import file_pixels as file_pixels
    from holdfast.models.load.source import load_encoder as load_encoder
    from holdfast.models.load.source import loaded_of as loaded_of
    from holdfast.models.load.source import own_size as own_size
    from holdfast.models.load.source import takes_any_size as takes_any_size
    from holdfast.models.load.tensors import read_content as read_content
    from holdfast.models.load.tensors import read_tensors as read_tensors
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
