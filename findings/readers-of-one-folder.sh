#!/usr/bin/env bash
# What readers make of the same files (docs/data.md, "What other readers do with the same folder"), the rows that no test of
# ours and no script beside this one holds: datasets 5.2.0's imagefolder takes the last folder of a/b/1.png for the class;
# polars 2.1.0 and DuckDB 2.0.1 drop the class names of a Hugging Face parquet; SimpleITK 2.5.7 turns MONOCHROME1, pydicom
# 3.0.2 does not; and a zone plate brought from 512 to 64 pixels is off by 5.7 with Pillow's bicubic and by 43 to 90 with
# OpenCV's linear, SciPy's zoom, and Pillow itself on a palette picture.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install datasets==5.2.0 polars==2.1.0 duckdb==2.0.1 pydicom==3.0.2 SimpleITK==2.5.7 pillow==13.0.0 \
    opencv-python-headless==5.0.0.93 scipy==1.17.1 numpy==2.4.6
cat > "$folder/show.py" <<'PY'
import os, sys
from importlib.metadata import version
from pathlib import Path

os.environ |= {"HF_DATASETS_CACHE": f"{sys.argv[1]}/cache", "HF_HUB_OFFLINE": "1"}
import numpy as np
from PIL import Image

root, seen = Path(sys.argv[1]), {}


def classes():
    import datasets

    for name in ("a/b/1.png", "c/d/2.png"):
        (root / "tree" / name).parent.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(root / "tree" / name)
    made = datasets.load_dataset("imagefolder", data_dir=str(root / "tree"), split="train")
    return made.features["label"].names


def names():
    import datasets, duckdb, polars

    features = datasets.Features({"label": datasets.ClassLabel(names=["zebra", "ant"])})
    path = str(root / "named.parquet")
    datasets.Dataset.from_dict({"label": [0, 1]}, features=features).to_parquet(path)
    return [polars.read_parquet(path)["label"].to_list(), [row[0] for row in duckdb.sql(f"select label from '{path}'").fetchall()]]


def monochrome():
    import pydicom, SimpleITK
    from pydicom.dataset import FileDataset, FileMetaDataset

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID, data.SeriesInstanceUID, data.Modality = meta.MediaStorageSOPClassUID, "1.2.3", "1.2.4", "OT"
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = 1, 2, 1, "MONOCHROME1"
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation, data.PixelData = 7, 0, bytes([10, 250])
    data.save_as(root / "one.dcm", enforce_file_format=True)
    itk = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(root / "one.dcm"))).ravel().tolist()
    return [pydicom.dcmread(root / "one.dcm").pixel_array.ravel().tolist(), itk]


def zone_plate():
    import cv2
    from scipy.ndimage import zoom

    y, x = np.mgrid[-1:1:512j, -1:1:512j]
    plate = np.round(127.5 + 127.5 * np.cos(256 * np.pi / 2 * (x**2 + y**2))).astype(np.uint8)
    exact = plate.reshape(64, 8, 64, 8).mean((1, 3))
    grey = Image.fromarray(plate)
    palette = grey.convert("P", palette=Image.Palette.ADAPTIVE)
    ways = {
        "Pillow bicubic": grey.resize((64, 64), Image.Resampling.BICUBIC),
        "OpenCV linear": cv2.resize(plate, (64, 64)),
        "scipy zoom": zoom(plate, 64 / 512),
        "Pillow palette": palette.resize((64, 64), Image.Resampling.BICUBIC).convert("L"),
    }
    return {name: round(float(np.sqrt(np.mean((np.asarray(way, float) - exact) ** 2))), 1) for name, way in ways.items()}


for name in ("datasets", "polars", "duckdb", "pydicom", "SimpleITK", "pillow", "opencv-python-headless", "scipy"):
    print(name, version(name))
for what in (classes, names, monochrome, zone_plate):
    seen[what.__name__] = what()
    print(what.__name__, seen[what.__name__])
errors = seen["zone_plate"]
right = (
    seen["classes"] == ["b", "d"]
    and seen["names"] == [[0, 1], [0, 1]]
    and seen["monochrome"] == [[10, 250], [245, 5]]
    and errors["Pillow bicubic"] < 10 < 30 < min(errors[name] for name in errors if name != "Pillow bicubic")
)
sys.exit(not right)
PY
"$folder/venv/bin/python" "$folder/show.py" "$folder"
