import pytest
import torch
from toy_audits import ReadsTheClass, small_network, toy_images

from holdfast.audits import audit
from holdfast.data import Images


def quality(encoder, **options):
    test = toy_images((20,) * 6, seed=1, source="test", first_id=1000)
    (finding,) = audit(encoder, toy_images(), test=test, axes=["quality"], **options)
    return finding


def test_an_encoder_that_reads_the_class_is_known_by_hand():
    finding = quality(ReadsTheClass())
    assert finding["linear_accuracy"].value == 100
    assert finding["knn_accuracy"].value == 100
    assert finding["effective_rank"].value == pytest.approx(6)
    # Six equal classes of one-hot features: each dimension is 1 for a sixth of the images.
    assert finding["feature_std"].value == pytest.approx((6 * 1 / 6 * 5 / 6) ** 0.5)


def test_a_collapsed_encoder_is_known_by_hand():
    finding = quality(ReadsTheClass(blind=(0, 1, 2, 3, 4, 5)))
    assert finding["linear_accuracy"].value == pytest.approx(100 / 6)
    assert finding["effective_rank"].value == pytest.approx(1, abs=1e-3)
    assert finding["alignment"].value == 0
    assert finding["uniformity"].value == pytest.approx(0, abs=1e-5)
    assert finding["feature_std"].value == pytest.approx(0, abs=1e-5)


def test_without_labels_only_what_needs_none_is_measured():
    images = toy_images()
    findings = audit(small_network(), Images(pixels=images.pixels, ids=images.ids), axes=["quality"])
    assert [score.name for score in findings[0].scores] == ["alignment", "effective_rank", "uniformity", "feature_std"]
    assert findings[0].settings["test_images"] == 35


def test_batches_change_nothing_but_rounding():
    whole, small = quality(small_network()), quality(small_network(), batch_size=7)
    for score in whole.scores:
        assert small[score.name].value == pytest.approx(score.value, rel=1e-4)


def test_progress_names_what_is_measured():
    told = []
    quality(small_network(), progress=lambda *facts: told.append(facts))
    assert {stage for stage, _, _ in told} == {"probe images", "test images", "views"}
    assert ("probe images", 175, 175) in told


def test_the_seed_draws_other_views():
    first, second = (quality(small_network(), seed=seed)["alignment"].value for seed in (0, 1))
    assert first != second


def test_features_are_computed_once_for_all_audits():
    calls = []
    network = small_network()
    network.register_forward_pre_hook(lambda module, inputs: calls.append(len(inputs[0])))
    images = toy_images()
    audit(
        network,
        images,
        test=toy_images((20,) * 6, seed=1, first_id=1000),
        few_shot_ids=torch.arange(0, 175, 5),
        axes=["quality", "balance"],
    )
    # the images, two views of the test images, and the images once more by random weights of the same network
    assert sum(calls) == (175 + 120) + 2 * 120 + (175 + 120)
