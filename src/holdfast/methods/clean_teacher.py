"""Teachers that were trained before: the encoder of a run or a file, and the projector of a run."""

import copy
import re
from dataclasses import replace
from pathlib import Path

import safetensors.torch
from torch import nn

from holdfast.config import require
from holdfast.models import Encoder, FrozenTeacher, head_from, load_encoder
from holdfast.runs import RunFolder, is_run_folder

CLEAN = "simclr"
"""What trains a clean teacher."""
DOWNLOADED = "download"
"""Stands for what trains a teacher that is an encoder as it came, downloaded or one's own."""
_HEADS = [re.compile(rf"(?:inner\.)*{before}network\.1\.(.+)") for before in (r"average\.", "")]
"""Names of a projector's tensors in a checkpoint: that of the average of the weights, where its encoder is that, or the
last."""


def clean_teacher(
    source: str | None, student: nn.Module, method: str, *, start: bool = False, trained_by: str = CLEAN
) -> FrozenTeacher:
    """The encoder that a student [n, 3, h, w] -> [n, dim] learns from, frozen. start: give the student its weights.
    trained_by: the method that trains such an encoder, where a clean one will not do.

    Raises ValueError where there is none, where its features are not as wide as the student's, or where the student is
    to start from another network.
    """
    require(source is not None, *wanted_teacher(method, trained_by))
    size = student.spec.image_size if isinstance(student, Encoder) else None
    teacher = load_encoder(str(source), image_size=size)
    wide = (getattr(teacher, "dim", None), getattr(student, "dim", None))
    require(wide[0] == wide[1], f"a teacher of {wide[1]} features as the student has", wide[0], _same_network(teacher))
    if start:
        take_over(student, teacher)
    return FrozenTeacher(teacher)


def _same_network(teacher: nn.Module) -> str:
    """The options that make a student like its teacher."""
    if not isinstance(teacher, Encoder):
        return "train the student with the teacher's --encoder"
    spec = teacher.spec
    flags = f"use --encoder {spec.encoder.removesuffix(':pretrained')} --stem {spec.stem}"
    return flags + (", or the size of it that has the teacher's widths" if spec.arguments else "")


def wanted_teacher(
    method: str,
    trained_by: str,
    *,
    run: str = "RUN",
    shared: str = "",
    options: str = "",
    encoder: str = "timm/NAME",
) -> tuple[str, str, str]:
    """(expected, got, remedy) where a method is given no teacher.

    run: where the teacher's run goes. shared: words of the command that both runs need. options: all of its words.
    encoder: the student's, of which a downloaded teacher's weights are.
    """
    if trained_by == DOWNLOADED:
        then = " ".join(filter(None, ("holdfast train", method, f"--teacher {encoder}:pretrained", options)))
        wanted = "the encoder to make robust, --teacher timm/NAME:pretrained, a file of weights or a RUN"
        return wanted, "none", f"for example one that was downloaded: {then}"
    clean = trained_by == CLEAN
    kind = "a clean teacher, --teacher RUN" if clean else f"a robust teacher, --teacher RUN of {trained_by}"
    first = " ".join(filter(None, ("holdfast train", trained_by, shared, f"--out {run}")))
    then = " ".join(filter(None, ("holdfast train", method, f"--teacher {run}", options)))
    return kind, "none", f"train one first: {first}, then: {then}"


def take_over(student: nn.Module, teacher: nn.Module) -> None:
    """Makes a student its teacher: weights, pixels' mean and std, and what no shape tells (heads, activation, epsilon,
    pooling). Raises ValueError for another network: one of another stem, or of other layers as those that pad in
    TensorFlow's way, has weights of the same shapes and gives other features."""
    own, other = student.state_dict(), teacher.state_dict()
    alike = own.keys() == other.keys() and all(own[name].shape == other[name].shape for name in own)
    alike = alike and _kinds(student) == _kinds(teacher)
    got = "another"
    if isinstance(student, Encoder) and isinstance(teacher, Encoder):
        alike = alike and student.spec.stem == teacher.spec.stem
        got = f"{student.spec.encoder} of {student.spec.image_size} px with the {student.spec.stem} stem"
    require(alike, "a student of the teacher's own network and stem", got, _same_network(teacher))
    if isinstance(student, Encoder) and isinstance(teacher, Encoder):
        student.network = copy.deepcopy(teacher.network).train(student.training)
        student.spec = replace(teacher.spec, encoder=teacher.spec.encoder.removesuffix(":pretrained"))
    student.load_state_dict(other)


def _kinds(encoder: nn.Module) -> dict[str, str]:
    """Names of layers' classes, by place."""
    return {name: type(module).__name__ for name, module in encoder.named_modules()}


def teachers_head(source: str | None, width: int) -> nn.Sequential:
    """The frozen projector of a run: features [n, width] -> embeddings. Raises ValueError where source holds none."""
    states = sorted(RunFolder(Path(str(source))).checkpoints.glob("step-*/method.safetensors"))
    remedy = "take the run folder of simclr or another method with the shared head, with its checkpoints"
    found = is_run_folder(str(source)) and bool(states)
    require(found, "a run folder with a checkpoint as --teacher, for its projector", source, remedy)
    tensors = safetensors.torch.load_file(states[-1])
    named = [{m[1]: t for name, t in tensors.items() if (m := head.fullmatch(name))} for head in _HEADS]
    head = head_from(named[0] or named[1])
    require(head[0].in_features == width, f"a projector of {width} features", head[0].in_features, remedy)  # type: ignore[union-attr]
    return head.requires_grad_(False)
