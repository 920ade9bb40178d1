#!/usr/bin/env bash
# Pillow 13.0.0: a compressed TIFF with the high byte first ("MM") of signed 16-bit, signed 32-bit or 32-bit floating-point
# values is opened without a word, and every value has its bytes in the wrong order: libtiff has turned them already, and
# Pillow turns them again. The same file without compression, or with the low byte first, or of unsigned 16 bits, is right.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
cat > "$folder/show.py" <<'PY'
import io, sys
import numpy as np, PIL, tifffile
from PIL import Image

print("Pillow", PIL.__version__, "tifffile", tifffile.__version__)
values = np.arange(1, 17).reshape(4, 4)
changed = False
for kind in (np.uint16, np.int16, np.int32, np.float32):
    for order in "<>":
        for compression in (None, "zlib"):
            file = io.BytesIO()
            tifffile.imwrite(file, values.astype(kind), byteorder=order, compression=compression)
            read = np.asarray(Image.open(file))
            right = np.array_equal(read, values)
            expected = not (order == ">" and compression and kind is not np.uint16)
            changed |= right != expected
            print(f"{np.dtype(kind).name:8} {'big' if order == '>' else 'little'}-endian {compression!s:5}: "
                  f"{'right' if right else 'WRONG'}, the first of 1, 2, 3: {read.ravel()[:3].tolist()}")
sys.exit(changed)
PY
"$folder/venv/bin/python" "$folder/show.py"
