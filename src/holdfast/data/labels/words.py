"""Words in names: those for splits, and names that only look alike."""

import re
import unicodedata
from collections.abc import Sequence

SPLITS = frozenset(
    [
        *("train", "training", "trn", "trainval", "test", "testing", "tst", "val", "valid", "validation", "dev"),
        *("eval", "evaluation", "holdout", "heldout", "unlabeled", "unlabelled"),
    ]
)
"""Words for splits."""


def split_words(name: str) -> list[str]:
    """The words for splits in a name, in order: of 'trainA', 'cifarTrain' and 'X_train' it is train."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return [word for word in words if word.lower() in SPLITS]


def hints(names: Sequence[str], where: str) -> list[str]:
    """What looks like slips in class names: some that look alike, and some with blanks at an end."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(folded(name), []).append(name)
    several = [found for found in alike.values() if len(found) > 1]
    blank = [name for name in names if name != name.strip()]
    return [
        *(
            f"{where}: {' and '.join(map(spelt, found))} differ by case or blanks alone and are {len(found)} classes "
            "here"
            for found in several
        ),
        *([f"{where}: blanks are part of names such as {blank[0]!r}"] if blank else []),
    ]


def folded(name: str) -> str:
    """A name without what one does not see: case, blanks, how accents are put together, signs of no width."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(sign for sign in text if not sign.isspace() and unicodedata.category(sign) != "Cf")


def spelt(name: str) -> str:
    """A name in quotes, letter by letter where one would not see what differs."""
    return repr(name) if name.isascii() or unicodedata.normalize("NFC", name) == name else ascii(name)
