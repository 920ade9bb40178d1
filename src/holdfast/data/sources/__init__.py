"""Where images come from: folders, parquet, arrays, torchvision's sets, their labels and columns."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.data.sources.columns import own_paths as own_paths
    from holdfast.data.sources.load import is_folder_of_pictures as is_folder_of_pictures
    from holdfast.data.sources.load import load_images as load_images
    from holdfast.data.sources.load import relabelled as relabelled
    from holdfast.data.sources.load import source_files as source_files
    from holdfast.data.sources.parquet import count_rows as count_rows
    from holdfast.data.sources.parquet import encoded_blocks as encoded_blocks
    from holdfast.data.sources.parquet import parquet_labels as parquet_labels
    from holdfast.data.sources.torchvision import is_torchvision as is_torchvision
    from holdfast.data.sources.torchvision import torchvision_labels as torchvision_labels
    from holdfast.data.sources.torchvision import whole_pictures as whole_pictures
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
