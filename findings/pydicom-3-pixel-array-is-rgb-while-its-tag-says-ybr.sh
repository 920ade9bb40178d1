#!/usr/bin/env bash
# pydicom 3.0.2: pixel_array of a colour picture in YBR_FULL is RGB already, while PhotometricInterpretation of the same data set
# goes on saying YBR_FULL. Code that follows the tag, convert_color_space(pixel_array, PhotometricInterpretation, "RGB"), converts
# twice: pure red becomes green. pydicom 2.4.5 gave the values as stored, for which that line is right.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import io, sys

import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.pixel_data_handlers.util import convert_color_space

meta = FileMetaDataset()
meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
data.is_little_endian, data.is_implicit_VR = True, False
data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
data.Rows = data.Columns = 2
data.SamplesPerPixel, data.PlanarConfiguration, data.PhotometricInterpretation = 3, 0, "YBR_FULL"
data.BitsAllocated = data.BitsStored = 8
data.HighBit, data.PixelRepresentation, data.PixelData = 7, 0, bytes([76, 85, 255] * 4)
file = io.BytesIO()
pydicom.dcmwrite(file, data, write_like_original=False)
read = pydicom.dcmread(io.BytesIO(file.getvalue()))
given = read.pixel_array
converted = convert_color_space(given, read.PhotometricInterpretation, "RGB")
print("pydicom", pydicom.__version__, "stored [76, 85, 255] (red): pixel_array", given[0, 0].tolist(), "tag", read.PhotometricInterpretation, "converted by the tag", converted[0, 0].tolist())
red, other = [254, 0, 0], converted[0, 0].tolist()
if pydicom.__version__.startswith("2."):
    sys.exit(given[0, 0].tolist() != [76, 85, 255] or other != red)
sys.exit(given[0, 0].tolist() != red or read.PhotometricInterpretation != "YBR_FULL" or other == red)
PY
for version in 2.4.5 3.0.2; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" -q install "pydicom==$version" numpy==1.26.4
    "$folder/$version/bin/python" -W ignore "$folder/show.py"
done
