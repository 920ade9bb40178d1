"""GDT: which views are positives, and what features must tell."""

import pytest
import torch
from small_methods import small_config
from torch.nn import functional as F

from holdfast.config import RunConfig, ViewSettings
from holdfast.data.batches import Batch
from holdfast.methods import GDT, GDTConfig, build
from holdfast.objectives import grouped_nt_xent, joint_nt_xent


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_grouped_nt_xent_is_a_slow_loop_in_which_only_views_transformed_alike_are_positives():
    z, ways = draw(4, 3, 5), [0, 0, 1, 1]
    rows = F.normalize(z.flatten(0, 1), dim=1)
    terms = []
    for a in range(12):
        below = sum(torch.exp(rows[a] @ rows[b] / 0.3) for b in range(12) if b != a)
        for b in range(12):
            if b != a and a % 3 == b % 3 and ways[a // 3] == ways[b // 3]:
                terms.append(-torch.log(torch.exp(rows[a] @ rows[b] / 0.3) / below))
    assert len(terms) == 12
    found = grouped_nt_xent(z, torch.tensor(ways), temperature=0.3)
    torch.testing.assert_close(found, torch.stack(terms).mean())


def test_with_nothing_distinct_it_is_nt_xent_of_all_views_at_once():
    z = draw(4, 3, 5)
    found = grouped_nt_xent(z, torch.zeros(4, dtype=torch.int64), temperature=0.3)
    torch.testing.assert_close(found, joint_nt_xent(z, temperature=0.3))


@pytest.mark.parametrize("ways", [[0, 1, 2, 2], [0, 0, 0]])
def test_a_view_without_a_positive_and_ways_that_do_not_fit_are_refused(ways):
    with pytest.raises(ValueError, match=r"two views or more of each way|a way for each of 4 views"):
        grouped_nt_xent(draw(4, 3, 5), torch.tensor(ways), temperature=0.3)


def test_features_that_do_not_tell_the_distinct_transformation_lose_against_those_that_do():
    image, way = torch.eye(3, dtype=torch.float64), torch.eye(2, dtype=torch.float64)
    ways = torch.tensor([0, 0, 1, 1])
    told = torch.stack([torch.cat([image, way[k].expand(3, -1)], 1) for k in ways])
    blind = image.expand(4, -1, -1)
    assert grouped_nt_xent(told, ways, temperature=0.1) < grouped_nt_xent(blind, ways, temperature=0.1)


def batch() -> Batch:
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    return Batch(images=images, ids=torch.arange(4), epoch=0)


@pytest.mark.parametrize(
    ("distinct", "ways"), [("none", 1), ("turn", 4), ("half-turn", 2), ("mirror", 2), ("negative", 2)]
)
def test_each_way_has_two_views_that_differ_from_the_first_ways_by_the_transformation_alone(distinct, ways):
    views = ViewSettings(flip=0.0 if distinct == "mirror" else 0.5)
    config = RunConfig(method=GDTConfig(distinct=distinct), views=views, encoder="timm/test_resnet")
    method = build(config, image_size=16)
    assert isinstance(method, GDT)
    images = method.views(batch()).images
    assert len(images) == 2 * ways
    undone = {
        "turn": lambda one, way: one.rot90(-way, (-2, -1)),
        "half-turn": lambda one, way: one.rot90(-2 * way, (-2, -1)),
        "mirror": lambda one, way: one.flip(-1) if way else one,
        "negative": lambda one, way: 1 - one if way else one,
    }
    for way in range(1, ways):
        for view in (0, 1):
            torch.testing.assert_close(undone[distinct](images[2 * way + view], way), images[view])
            assert not torch.equal(images[2 * way + view], images[view])


def test_mirror_images_to_be_told_are_refused_where_views_are_mirrored_at_random():
    with pytest.raises(
        ValueError, match=r"expected --flip 0 with --distinct mirror, got 0\.5; what is drawn at random"
    ):
        RunConfig(method=GDTConfig(distinct="mirror"))


def test_a_transformation_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="distinct none or turn or half-turn or mirror or negative, got 'spin'"):
        small_config("gdt", distinct="spin")
