"""Few-shot probing on S_b, the balanced subset that a long-tailed split leaves (SDCLR, arXiv:2106.02990, section 4)."""

from torch import Tensor

from holdfast.data import Images
from holdfast.evaluation.probes.lbfgs import LinearProbe, fit_probe


def few_shot_probe(
    features: Tensor, images: Images, few_shot_ids: Tensor, *, classes: int, seed: int = 0
) -> LinearProbe:
    """The L-BFGS probe on the few-shot images alone, out of features [n, dim] of the labelled images [n].

    Its regularisation comes from five stratified folds of the few-shot images: no other label is looked at, where the
    paper selects on 5,000 labelled validation images. Raises ValueError for ids that are not among the images, for
    images without labels, and where fewer than two classes have shots.
    """
    if images.labels is None:
        raise ValueError(f"expected labelled images, got none in {images.source}; add a label column")
    positions = images.positions(few_shot_ids)
    labels = images.labels[positions]
    if len(labels.unique()) < 2:
        raise ValueError(f"expected shots of at least two classes, got {len(labels)} images; check the few-shot ids")
    rows = features[positions.to(features.device)]
    return fit_probe(rows, labels.to(rows.device), classes=classes, ids=images.ids[positions], seed=seed)
