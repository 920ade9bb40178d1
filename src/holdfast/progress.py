"""What long work tells a listener, in one shape throughout: so much is done, of so much in all."""

from collections.abc import Callable

OnProgress = Callable[[int, int], None]
"""Told (done, all): images, epochs or whatever the work counts."""
OnStage = Callable[[str, int, int], None]
"""As OnProgress, with the name of the stage before: for work that has several. `partial(on_stage, name)` is one's
OnProgress."""
