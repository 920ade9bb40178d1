"""A teacher that was trained before: what was decided when it was loaded is said as a run begins, and kept."""

from holdfast.config import require
from holdfast.engine.session import Session
from holdfast.methods import Method
from holdfast.models import FrozenTeacher, Loaded, loaded_of
from holdfast.runs import write_json


def loaded_teacher(method: Method) -> Loaded | None:
    """What was decided when a method's frozen teacher was loaded; None where it has none, or one of a user's making.

    Raises ValueError for a teacher of random weights: there is nothing to learn from it.
    """
    found = [module for module in method.modules() if isinstance(module, FrozenTeacher)]
    loaded = loaded_of(found[0]) if found else None
    if loaded is not None:
        named = loaded.source.startswith(("timm/", "torchvision/")) and "@" not in loaded.source
        remedy = f"write {loaded.source}:pretrained" if named else "name a run, or a file of trained weights"
        trained = loaded.weights == "trained"
        require(trained, "a trained --teacher", f"{loaded.source}, whose weights are random", remedy)
    return loaded


def record_teacher(session: Session, *, schema: int) -> None:
    """Writes teacher.json and tells of it: network, weights, pixels, input size, pooling. Nothing without one."""
    loaded = loaded_teacher(session.method)
    if loaded is not None:
        write_json(session.folder.teacher, {"schema": schema, **loaded.to_dict()})
        session.listen({"kind": "teacher", "lines": [*loaded.lines()], **loaded.to_dict()})
