"""Pseudo-labels: clusters of the training images that a method wants before it starts, and a head that tells them."""

import torch

from holdfast.config import require
from holdfast.engine.session import Session
from holdfast.evaluation import extract_features, fit_probe
from holdfast.evaluation.clusters import Clustering, cluster


def give_clusters(session: Session) -> None:
    """Gives a method that wants clusters their centres and a linear head for its encoder's features, and says of them.

    k-means of its teacher's features of all training images as they are, then logistic regression on the same. Nothing
    for other methods. Raises ValueError for fewer images than clusters, and where the features of all are the same.
    """
    method = session.method.innermost()
    if not method.clusters:
        return
    images, seed = session.pool.train, session.config.seed
    require(len(images) >= method.clusters, f"{method.clusters} images or more", len(images), "set --clusters lower")
    features = extract_features(method.get_submodule("teacher"), images, device=session.fabric.device)
    found = cluster(features, method.clusters, seed=seed)
    filled = int((found.sizes > 0).sum())
    require(filled > 1, "images whose features differ", f"one cluster of {len(images):,}", "take another --teacher")
    labels = found.members.to(features.device)
    probe = fit_probe(features, labels, classes=method.clusters, ids=images.ids, seed=seed)
    weight = probe.weight / probe.scale
    own = (found.centres, weight, probe.bias - weight @ probe.shift)
    # Each process has found the same, up to what a GPU adds in another order: weights have to agree to the bit.
    method.take_clusters(*session.fabric.broadcast(own))
    right = (probe.predict(features) == labels).to(torch.float64).mean()
    session.listen({"kind": "note", "text": f"{_said(found)}; the head tells {100 * right:.1f} % of them"})


def _said(found: Clustering) -> str:
    smallest, largest = found.sizes.min(), found.sizes.max()
    stable = f"stable to {found.stability.mean():.2f} under resampling (1 the same, 0 as by chance)"
    return f"pseudo-labels: {found.k} clusters of {smallest:,} to {largest:,} images, {stable}"
