#!/usr/bin/env bash
# Pillow 13.0.0 reads FITS pictures of 16 bits as unsigned although the format's integers are signed, so -1 becomes 65,535,
# and ignores BZERO and BSCALE: unsigned pixels, which FITS stores as signed with BZERO = 32768, come with their two halves
# swapped (0 as 32,768, 32,768 as 0). No warning. astropy gives the values that the file means.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install pillow==13.0.0 astropy==7.2.0 numpy==2.4.6
cat > "$folder/show.py" <<'PY'
import io, sys
import astropy, numpy as np, PIL
from astropy.io import fits
from PIL import Image

print("Pillow", PIL.__version__, "astropy", astropy.__version__)
found = {}
for kind, values in {"signed": np.array([[-1, 0], [1, 300]], np.int16), "unsigned": np.array([[0, 1], [32768, 65535]], np.uint16)}.items():
    file = io.BytesIO()
    fits.PrimaryHDU(values).writeto(file)
    meant = fits.open(io.BytesIO(file.getvalue()))[0].data
    read = np.asarray(Image.open(io.BytesIO(file.getvalue())))[::-1]  # rows of FITS run upwards
    found[kind] = read.tolist()
    print(f"{kind}: stored for {meant.tolist()}, Pillow reads {read.tolist()}")
sys.exit(found != {"signed": [[65535, 0], [1, 300]], "unsigned": [[32768, 32769], [0, 32767]]})
PY
"$folder/venv/bin/python" "$folder/show.py"
