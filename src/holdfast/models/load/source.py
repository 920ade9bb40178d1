"""Encoders from whatever a user names: a run folder, timm, torchvision, a folder or a file of weights, or a module."""

from contextlib import nullcontext
from pathlib import Path
from typing import Literal

from torch import nn

from holdfast.models.load.copies import split_copy
from holdfast.models.load.file import is_weights, read_exported, read_file, read_named_file
from holdfast.models.load.folders import FOLDERS
from holdfast.models.load.named import LIBRARIES, read_named
from holdfast.models.load.onnx_graph import SUFFIX, load_onnx
from holdfast.models.load.own import is_own, read_own
from holdfast.models.load.pixels import BESIDE
from holdfast.models.load.reading import Reading, assembled
from holdfast.models.loaded import Loaded, listed
from holdfast.models.prefeature import with_prefeature
from holdfast.runs import RunFolder, is_run_folder
from holdfast.system import reading

_IN_TIMM = ("timm/hf-hub:", "timm/local-dir:")
"""timm's names for weights in the hub's cache and in a folder."""


def load_encoder(
    source: str | Path | nn.Module,
    *,
    layer: Literal["backbone", "prefeature"] = "backbone",
    pool: str | None = None,
    image_size: int | None = None,
) -> nn.Module:
    """An encoder in evaluation mode: pixels [n, 3, h, w] in [0, 1] -> features [n, dim].

    source: a run folder; its encoder.safetensors; 'timm/NAME' or 'torchvision/NAME' (random weights, seed 0), with
    ':pretrained' for the weights in the user's cache or '@FILE' for those in a state-dict file; a file of weights
    whose keys tell the network, with '#NAME' for one of several in it; a folder of another library; an ONNX file;
    or a module, which is returned as it is but for the mode. Normalisation is inside. layer 'prefeature' takes the wide
    layer after the encoder that a run of emp-ssl keeps and its paper evaluates. pool: 'cls', 'avg', 'map', 'cls+avg' or
    'config' (the network's own way); None: as the family's authors do. image_size: pixels a side; position embeddings
    are resampled. What was decided stands in `.loaded`. Raises ValueError or FileNotFoundError for anything else.
    """
    if layer not in ("backbone", "prefeature"):
        raise ValueError(f"expected layer 'backbone' or 'prefeature', got {layer!r}; choose one of them")
    if layer == "prefeature":
        if isinstance(source, nn.Module) or not Path(source).is_dir():
            raise ValueError(f"expected a run folder for layer 'prefeature', got {source}; use layer 'backbone'")
        run = RunFolder.open(source)
        backbone = assembled(_run(run), str(source), image_size=image_size, pool=pool)
        return with_prefeature(backbone, run).eval()
    if isinstance(source, nn.Module):
        return _unchanged(source, pool)
    file, wanted = split_copy(str(source))
    if file.endswith(SUFFIX):
        return load_onnx(Path(file), wanted, str(source), image_size=image_size, pool=pool)
    path = Path(source)
    with reading(path, "an encoder", "restore it from where it came") if path.exists() else nullcontext():
        return assembled(_reading(str(source)), str(source), image_size=image_size, pool=pool)


def loaded_of(encoder: nn.Module) -> Loaded | None:
    """What was decided when an encoder, or one inside it, was loaded; None for a module of the user's own."""
    found = (getattr(module, "loaded", None) for module in encoder.modules())
    return next((loaded for loaded in found if isinstance(loaded, Loaded)), None)


def own_size(encoder: nn.Module | str | Path, *, pool: str | None = None) -> int | None:
    """Pixels a side that an encoder was made for; None where its images' own size will do: no file was read and it can
    take any, or it is a module that nobody described. encoder: a module or what load_encoder takes."""
    module = encoder if isinstance(encoder, nn.Module) else load_encoder(encoder, pool=pool)
    loaded = loaded_of(module)
    return None if loaded is None or (not loaded.matched and takes_any_size(module)) else loaded.image_size


def takes_any_size(encoder: nn.Module) -> bool:
    """Whether an encoder computes features of images of any size: it has no positions and no windows."""
    return not any(hasattr(module, "set_input_size") for module in encoder.modules())


def _unchanged(module: nn.Module, pool: str | None) -> nn.Module:
    if pool is not None:
        raise ValueError(f"expected a source by name for pool, got a module for {pool!r}; pool inside your module")
    return module.eval()


def _reading(source: str) -> Reading:
    if source.startswith(_IN_TIMM):
        return _folder(_of_hub(source) if source.startswith(_IN_TIMM[0]) else Path(source.removeprefix(_IN_TIMM[1])))
    name, at, file = source.partition("@")
    if at and name.startswith(LIBRARIES):
        path, wanted = split_copy(file)
        return read_named_file(name, Path(path), wanted)
    if source.startswith(LIBRARIES) and not Path(source).exists():
        return read_named(source)
    place, wanted = split_copy(source)
    path = Path(place)
    if path.is_dir():
        return _folder(path)
    if is_weights(path):
        return _file(path, wanted)
    return read_named(source)


def _of_hub(source: str) -> Path:
    """The folder of 'timm/hf-hub:OWNER/NAME' in the user's cache; nothing is fetched. Raises FileNotFoundError."""
    from huggingface_hub import snapshot_download  # timm's own way to the hub; seconds to import

    name = source.removeprefix(_IN_TIMM[0])
    repository, _, revision = name.partition("@")
    try:
        return Path(snapshot_download(repository, revision=revision or None, local_files_only=True))
    except Exception as error:  # names that are none and a cache without it raise errors of their own
        raise FileNotFoundError(
            f"expected {repository} in your cache of the hub, got none ({type(error).__name__}); fetch it where there "
            f"is a network, hf download {repository}, or give its folder"
        ) from error


def _folder(path: Path) -> Reading:
    found = next((file for file in FOLDERS if (path / file).is_file()), None)
    if found is not None and not is_run_folder(path):
        return FOLDERS[found](path)
    if (path / BESIDE).is_file():
        return read_exported(path)
    if found is None and not (path / "config.json").exists():
        raise FileNotFoundError(
            f"expected a run folder with a config.json, or a model's with one or an open_clip_config.json, got {path}, "
            f"which holds {listed(sorted(file.name for file in path.iterdir())) or 'nothing'}; name the folder of "
            "such a file, or the file of weights"
        )
    return _run(RunFolder.open(path))


def _run(run: RunFolder) -> Reading:
    if not run.encoder.is_file():
        raise FileNotFoundError(
            f"expected an encoder at {run.encoder}, got no file; finish the run first with: holdfast resume {run.path}"
        )
    return read_own(run.encoder)


def _file(path: Path, wanted: str | None) -> Reading:
    if not path.is_file():
        raise FileNotFoundError(
            f"expected an encoder at {path}, got no file; finish the run first with: holdfast resume {path.parent}"
        )
    return read_own(path) if is_own(path) else read_file(path, wanted)
