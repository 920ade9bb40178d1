"""PartCrop's answers by hand, and an attacker that finds what is planted."""

import math

import numpy as np
import torch
from toy_audits import small_network, toy_images

from holdfast.evaluation.inference import answers, map_reader, part_answers, trained_attacker
from holdfast.models import create_encoder
from holdfast.statistics import detection_auc


def test_products_of_nought_and_log_three_give_a_quarter_and_three_quarters():
    maps, parts = torch.tensor([[[0.0], [math.log(3)]]]), torch.tensor([[[1.0]]])
    found = answers(parts, maps)
    np.testing.assert_allclose(found[0], [0.14384, 0.14384], atol=1e-5)  # a bell of two places is uniform


def test_equal_places_answer_evenly_and_the_order_of_parts_is_of_no_account():
    random = torch.Generator().manual_seed(0)
    parts, maps = torch.randn(2, 5, 3, generator=random), torch.randn(2, 16, 3, generator=random)
    assert answers(parts, torch.ones(2, 16, 3))[:, :5].abs().max() <= 16e-6
    torch.testing.assert_close(answers(parts, maps), answers(parts.flip(1), maps))


def test_the_order_of_places_counts_for_the_bell_alone():
    random = torch.Generator().manual_seed(0)
    parts, maps = torch.randn(1, 5, 3, generator=random), torch.randn(1, 16, 3, generator=random)
    here, there = answers(parts, maps), answers(parts, maps[:, torch.randperm(16, generator=random)])
    torch.testing.assert_close(here[:, :5], there[:, :5])
    assert (here[:, 5:] - there[:, 5:]).abs().max() > 1e-3


def test_an_attacker_finds_what_is_planted_on_images_that_it_was_not_trained_on():
    random = np.random.default_rng(0)
    member, calibration = np.arange(400) % 2 == 0, np.arange(400) < 200
    values = torch.from_numpy(random.normal(size=(400, 8)) + member[:, None])
    scores = trained_attacker(values, member, calibration, seed=0)
    assert detection_auc(scores[~calibration], member[~calibration])[0] > 0.9


def test_maps_are_read_before_pooling_of_a_resnet_a_transformer_and_a_network_of_ones_own():
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for name in ("timm/test_resnet", "timm/test_vit"):
        encoder = create_encoder(name, image_size=32, stem="small").eval()
        read = map_reader(encoder, 32)
        assert read is not None, name
        maps = read(images)
        assert maps.shape == (2, maps.shape[1], encoder.dim) and maps.shape[1] >= 16
        assert part_answers(encoder, read, (images * 255).byte(), seed=0, parts=3).shape == (2, 6)
    own = small_network().eval()
    read = map_reader(own, 8)
    assert read is not None
    torch.testing.assert_close(read(toy_images().floats()[:4]).mean(1), own(toy_images().floats()[:4]))
    assert map_reader(torch.nn.Flatten(), 8) is None


def test_parts_of_an_image_do_not_depend_on_the_batch_and_modes_are_restored():
    network, pixels = small_network(), toy_images().pixels[:6]
    read = map_reader(network, 8)
    assert read is not None
    once, twice = (part_answers(network, read, pixels, seed=0, parts=4, batch_size=size) for size in (4, 64))
    torch.testing.assert_close(once, twice)
    assert network.training
