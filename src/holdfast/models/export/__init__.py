"""An encoder for those without holdfast: a folder with loading code, a folder for a hub, ONNX, torch.export."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.models.export.folder import CODE as CODE
    from holdfast.models.export.folder import FACTS as FACTS
    from holdfast.models.export.folder import TIMM as TIMM
    from holdfast.models.export.folder import WEIGHTS as WEIGHTS
    from holdfast.models.export.folder import beyond_timm as beyond_timm
    from holdfast.models.export.folder import export_encoder as export_encoder
    from holdfast.models.export.folder import exportable as exportable
    from holdfast.models.export.graphs import OPSET as OPSET
    from holdfast.models.export.graphs import export_onnx as export_onnx
    from holdfast.models.export.graphs import export_program as export_program
    from holdfast.models.export.hub import export_hub as export_hub
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
