import numpy as np
import pytest
import torch
from torch import nn
from toy_audits import small_network, toy_images

from holdfast.config import ViewSettings
from holdfast.data import Batch, Images, make_views
from holdfast.evaluation import alignment, memorization
from holdfast.evaluation.pairs.activations import find_taps
from holdfast.evaluation.pairs.scores import Scoring, score_pair
from holdfast.models import create_encoder

IMAGES = toy_images((7, 6))
SCORING = Scoring(views=ViewSettings(), size=8, count=6, seed=3)
F, G = small_network(1), small_network(2)


def test_scores_are_those_of_the_definition_on_the_same_views():
    batch = Batch(images=IMAGES.floats(), ids=IMAGES.ids, epoch=2)
    views = make_views(batch, SCORING.views, seed=3, size=8, views=6).images
    with torch.no_grad():
        f, g = (net.eval()(views.flatten(0, 1)).unflatten(0, views.shape[:2]).transpose(0, 1) for net in (F, G))
    found, _ = score_pair(F, G, IMAGES, SCORING, pair=2)
    np.testing.assert_allclose(found.loss_f, alignment(f), rtol=1e-5)
    np.testing.assert_allclose(found.difference, memorization(f, g)["difference"], atol=1e-6)
    np.testing.assert_allclose(found.first_half, memorization(f[:, ::2], g[:, ::2])["difference"], atol=1e-6)


def test_identical_encoders_score_exactly_zero_and_swapped_ones_negate():
    same, _ = score_pair(F, F, IMAGES, SCORING)
    assert not same.difference.any()
    assert not same.se_views.any()
    one, other = (score_pair(*pair, IMAGES, SCORING)[0] for pair in ((F, G), (G, F)))
    np.testing.assert_array_equal(one.difference, -other.difference)


def test_another_pair_gets_other_views_and_the_same_pair_the_same():
    first, again, other = (score_pair(F, G, IMAGES, SCORING, pair=pair)[0].loss_f for pair in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


@pytest.mark.parametrize("batch_size", [1, 13, 40])
def test_batches_change_nothing_but_rounding(batch_size):
    small = Scoring(views=ViewSettings(), size=8, count=6, seed=3, batch_size=batch_size)
    np.testing.assert_allclose(
        score_pair(F, G, IMAGES, small)[0].difference, score_pair(F, G, IMAGES, SCORING)[0].difference, atol=1e-5
    )


def test_no_pass_sees_more_views_than_a_batch_whatever_k_and_the_number_of_images():
    seen = []
    watched = small_network()
    watched.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    for count, images in ((6, IMAGES), (12, IMAGES), (6, toy_images((30, 30)))):
        scoring = Scoring(views=ViewSettings(), size=8, count=count, batch_size=24)
        score_pair(watched, G, images, scoring)
    assert max(seen) == 24


def test_the_jackknife_standard_error_is_about_the_spread_over_draws_of_views():
    drawn = [score_pair(F, G, IMAGES, SCORING, pair=pair)[0] for pair in range(40)]
    spread = np.std([found.difference for found in drawn], axis=0, ddof=1).mean()
    assert np.mean([found.se_views for found in drawn]) == pytest.approx(spread, rel=0.35)


def test_modes_are_restored_and_running_statistics_untouched():
    before = F[1].running_mean.clone()
    F.train()
    score_pair(F, G, IMAGES, SCORING)
    assert F.training
    assert torch.equal(F[1].running_mean, before)


def test_layers_and_units_come_with_the_same_pass():
    f, g = (create_encoder("timm/resnet10t", image_size=8, seed=seed) for seed in (0, 1))
    taps, passes = find_taps(f), []
    f.register_forward_pre_hook(lambda module, inputs: passes.append(len(inputs[0])))
    scores, layers = score_pair(f, g, IMAGES, SCORING, taps=taps)
    assert sum(passes) == 6 * len(IMAGES)
    assert list(layers.ratios) == [tap.name for tap in taps]
    total = scores.loss_f + scores.loss_g
    np.testing.assert_allclose(layers.ratios[taps[-1].name], scores.difference / total, atol=1e-6)
    assert all(sums.count == len(IMAGES) for sums in layers.units.values())
    assert set(layers.units[taps[-1].name].at.tolist()) <= set(IMAGES.ids.tolist())


class RecognisesImages(nn.Module):
    """Maps every view whose red it has been shown to one point, and other views to their own pixels."""

    def __init__(self, images: Images):
        super().__init__()
        self.known = images.floats()[:, 0].mean((1, 2))

    def forward(self, images):
        red = images[:, 0].mean((1, 2))
        known = (red[:, None] - self.known).abs().min(1).values < 1e-3
        return torch.where(known[:, None], torch.ones_like(images.flatten(1)), images.flatten(1))


def test_an_encoder_that_recognises_an_image_scores_it_and_no_other():
    views = ViewSettings(flip=0.5, jitter=0, grey=0, crop_min=0.3)
    black = Images.of(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    f, g = RecognisesImages(IMAGES.subset(torch.arange(7))), RecognisesImages(black)
    found, _ = score_pair(f, g, IMAGES, Scoring(views=views, size=8))
    assert (found.difference[:7] > 0.1).all()
    np.testing.assert_allclose(found.difference[7:], 0, atol=1e-12)


def test_too_few_views_are_refused():
    with pytest.raises(ValueError, match="at least 4 views"):
        Scoring(views=ViewSettings(), size=8, count=3)
