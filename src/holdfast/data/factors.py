"""Known factors of images on disk: one row per image, by id."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.data.images import Images
from holdfast.runs import atomic_path


def write_factors(images: Images, path: Path) -> None:
    """Writes id and every factor of the images to a parquet file; nothing where no factors are known."""
    if not images.factors:
        return
    columns = {"id": images.ids, **images.factors}
    with atomic_path(path) as temporary:
        pq.write_table(pa.table({name: pa.array(values.cpu().numpy()) for name, values in columns.items()}), temporary)
