#!/usr/bin/env bash
# open_clip_torch 3.3.0: mean, std and way of resizing belong to the tag of the weights (pretrained="webli"), not to the model.
# The same weights from a file (pretrained="weights.pt") come with OpenAI's mean and std and with resize and centre crop, and no
# warning: for SigLIP, SigLIP 2 and PE 0.5 and a squashed square are meant, for MobileCLIP 0 and 1.
# Shown with SigLIP's name on a model of few weights: the decision does not look at them.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install open_clip_torch==3.3.0 timm==1.0.31 torch==2.15.0 torchvision==0.29.2
cat > "$folder/show.py" <<'PY'
import logging, os, sys, warnings

os.environ["HF_HUB_OFFLINE"] = "1"
import open_clip, torch
from open_clip.pretrained import get_pretrained_cfg

print("open_clip", open_clip.__version__)
told = []
keep = logging.Handler(logging.WARNING)
keep.emit = lambda record: told.append(record.getMessage())
logging.getLogger().addHandler(keep)
small = {
    "vision_cfg": {"image_size": 224, "layers": 1, "width": 64, "head_width": 32, "patch_size": 32},
    "text_cfg": {"context_length": 16, "vocab_size": 64, "width": 64, "heads": 2, "layers": 1},
}
keys = ("mean", "std", "interpolation", "resize_mode")
path = f"{sys.argv[1]}/weights.pt"
changed = False
for name, tag in (("ViT-B-16-SigLIP", "webli"), ("ViT-B-16-SigLIP2", "webli"), ("PE-Core-B-16", "meta"), ("MobileCLIP2-S0", "dfndr2b"), ("ViT-B-32", "openai")):
    torch.save(open_clip.create_model(name, **small).state_dict(), path)
    told.clear()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model, _, _ = open_clip.create_model_and_transforms(name, pretrained=path, **small)
    by_tag = {key: get_pretrained_cfg(name, tag)[key] for key in keys}
    by_file = {key: model.visual.preprocess_cfg[key] for key in keys}
    said = [str(one.message) for one in said] + told
    print(f"{name}\n  by the tag {tag}: {by_tag}\n  from a file: {by_file}\n  of mean, std or resize is said: {[one for one in said if 'mean' in one or 'resize' in one]}")
    same = all(by_tag[key] == by_file[key] for key in keys)
    changed |= same != (name == "ViT-B-32") or any("mean" in one or "resize" in one or "preprocess" in one for one in said)
sys.exit(changed)
PY
"$folder/venv/bin/python" "$folder/show.py" "$folder"
