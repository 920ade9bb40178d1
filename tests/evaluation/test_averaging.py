from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from holdfast.config import VIEWS
from holdfast.data import Batch, load_images, view_maker
from holdfast.evaluation import averaged_features, extract_features

COUNTS = (1, 2, 5)
ENCODER = nn.Sequential(nn.AvgPool2d(8), nn.Flatten())


def views(source: str = "digits"):
    return view_maker(source, VIEWS["cifar"], seed=3, size=32)


@pytest.mark.parametrize("source", ["digits", "spirograph:40"])
@pytest.mark.parametrize("normalise", [False, True])
def test_every_mean_is_over_the_first_passes_of_one_series(source, normalise):
    images = load_images(source, limit=12)
    passes = []
    for number in range(5):
        batch = Batch(images=images.floats(), ids=images.ids, epoch=number)
        features = ENCODER(views(source)(batch, views=1, purpose="averaging").images[0])
        passes.append(F.normalize(features, dim=1) if normalise else features)
    found = dict(averaged_features(ENCODER, images, views(source), counts=COUNTS, normalise=normalise, batch_size=5))
    assert tuple(found) == COUNTS
    for count, features in found.items():
        torch.testing.assert_close(features, torch.stack(passes[:count]).mean(0))


def test_the_batch_size_changes_nothing():
    images = load_images("digits", limit=12)
    one, all_ = (dict(averaged_features(ENCODER, images, views(), counts=(2,), batch_size=n)) for n in (1, 12))
    torch.testing.assert_close(one[2], all_[2])


def test_more_passes_come_nearer_to_the_expectation():
    images = load_images("digits", limit=12)
    means = dict(averaged_features(ENCODER, images, views(), counts=(1, 10, 400)))
    errors = [float((means[count] - means[400]).square().mean()) for count in (1, 10)]
    assert errors[1] < errors[0] / 4


def test_an_encoder_blind_to_the_views_gives_its_clean_features():
    images = load_images("digits", limit=6)
    blind = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 4))
    nn.init.zeros_(blind[1].weight)
    clean = extract_features(blind, images)
    for _, features in averaged_features(blind, images, views(), counts=COUNTS):
        torch.testing.assert_close(features, clean)


def test_what_was_yielded_is_not_changed_by_later_passes():
    images = load_images("digits", limit=4)
    series = averaged_features(ENCODER, images, views(), counts=(1, 3))
    first = next(series)[1]
    kept = first.clone()
    next(series)
    assert torch.equal(first, kept)


def test_other_passes_are_other_draws():
    images = load_images("digits", limit=4)
    first, later = (dict(averaged_features(ENCODER, images, views(), counts=(1,), first_pass=n))[1] for n in (0, 1))
    assert not torch.allclose(first, later)


def test_counts_below_1_are_refused():
    make = partial(averaged_features, ENCODER, load_images("digits", limit=2), views())
    for counts in ((), (0, 2)):
        with pytest.raises(ValueError, match="expected counts"):
            next(make(counts=counts))
