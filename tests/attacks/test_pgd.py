import pytest
import torch
from torch import Tensor, nn

from holdfast.attacks import HARMS, pgd

GREY = torch.full((5, 3, 4, 4), 0.5)
WEIGHT = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(0))


def linear(images: Tensor) -> Tensor:
    return (images * WEIGHT.to(images.dtype)).flatten(1).sum(1)


def network(dtype: torch.dtype = torch.float64) -> nn.Module:
    layers = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Tanh(), nn.Flatten(), nn.Linear(24, 4)).to(dtype)
    generator = torch.Generator().manual_seed(1)
    for parameter in layers.parameters():
        nn.init.normal_(parameter, generator=generator)
    return layers


@pytest.mark.parametrize("random_start", [True, False])
def test_pgd_finds_the_optimum_of_a_linear_model(random_start):
    attacked = pgd(linear, GREY, eps=0.1, step=0.05, steps=10, random_start=random_start)
    torch.testing.assert_close(attacked, GREY + 0.1 * WEIGHT.sign())


@pytest.mark.parametrize("random_start", [True, False])
def test_pgd_finds_the_optimum_of_a_linear_model_in_the_l2_ball(random_start):
    attacked = pgd(linear, GREY, eps=0.3, step=0.2, steps=50, norm="l2", random_start=random_start)
    torch.testing.assert_close(attacked, GREY + 0.3 * WEIGHT / WEIGHT.norm())


def test_the_optimum_in_the_pixel_range_is_found_where_the_ball_leaves_it():
    bright = torch.full((2, 3, 4, 4), 0.97)
    attacked = pgd(linear, bright, eps=0.1, step=0.05, steps=10)
    torch.testing.assert_close(attacked, (bright + 0.1 * WEIGHT.sign()).clamp(0, 1))


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize(("eps", "steps"), [(0.0, 5), (0.1, 0)])
def test_a_zero_budget_changes_nothing(norm, eps, steps):
    attacked = pgd(linear, GREY, eps=eps, step=0.05, steps=steps, norm=norm, random_start=eps == 0)
    assert torch.equal(attacked, GREY)


def test_the_attacked_images_do_the_most_harm_met():
    model, seen = network(), []

    def harm(images: Tensor) -> Tensor:
        seen.append(model(images)[:, 0].detach())
        return model(images)[:, 0]

    images = torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    attacked = pgd(harm, images, eps=0.3, step=0.4, steps=7, restarts=2)
    torch.testing.assert_close(model(attacked)[:, 0], torch.stack(seen).amax(0))


def test_more_restarts_never_do_less_harm():
    model = network()
    images = torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found = [
        model(pgd(lambda x: model(x)[:, 0], images, eps=0.3, step=0.1, steps=2, restarts=restarts))[:, 0]
        for restarts in (1, 3)
    ]
    assert (found[1] >= found[0]).all()
    assert (found[1] > found[0]).any()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_an_image_is_attacked_alike_whatever_else_is_in_the_batch(norm):
    model, ids = network(), torch.tensor([10, 3, 7, 99])
    images = torch.rand(4, 3, 4, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    shared = {"eps": 0.1, "step": 0.03, "steps": 5, "norm": norm, "seed": 4}
    together = pgd(lambda x: model(x)[:, 0], images, ids=ids, **shared)
    alone = [pgd(lambda x: model(x)[:, 0], images[i : i + 1], ids=ids[i : i + 1], **shared) for i in (2, 0)]
    torch.testing.assert_close(torch.cat(alone), together[[2, 0]], rtol=0, atol=1e-12)
    other = pgd(lambda x: model(x)[:, 0], images, ids=ids, **{**shared, "seed": 5, "steps": 0})
    assert not torch.equal(other, pgd(lambda x: model(x)[:, 0], images, ids=ids, **{**shared, "steps": 0}))


def test_a_harm_without_labels_moves_features_away():
    model = network()
    images = torch.rand(4, 3, 4, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    clean = model(images).detach()
    for name in ("cosine", "l2"):

        def harm(x: Tensor, distance=HARMS[name]) -> Tensor:
            return distance(model(x), clean)

        near, far = (harm(pgd(harm, images, eps=eps, step=0.02, steps=20)) for eps in (0.02, 0.1))
        assert (near > 0).all()
        assert (far > near).all()


def test_a_model_that_passes_no_gradient_leaves_the_images_at_their_start():
    def blind(images: Tensor) -> Tensor:
        return images.detach().flatten(1).sum(1)

    assert torch.equal(pgd(blind, GREY, eps=0.1, step=0.05, steps=3, random_start=False), GREY)


def test_an_attack_leaves_no_gradients_behind():
    model, images = network(), GREY.double().requires_grad_()
    attacked = pgd(lambda x: model(x)[:, 0], images, eps=0.1, step=0.05, steps=3)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert images.grad is None
    assert not attacked.requires_grad


@pytest.mark.parametrize(
    ("harm", "images", "options", "words"),
    [
        (linear, 255 * GREY, {}, "divide by 255"),
        (linear, 4 * GREY - 3, {}, "normalisation into the encoder"),
        (lambda x: linear(x).sum(), GREY, {}, r"expected a harm \[5\]"),
        (linear, GREY, {"eps": 8}, "8/255"),
        (linear, GREY, {"norm": "l1"}, "linf or l2"),
        (linear, GREY, {"restarts": 0}, "restarts >= 1"),
    ],
)
def test_what_cannot_be_attacked_is_refused_with_the_remedy(harm, images, options, words):
    with pytest.raises(ValueError, match=words):
        pgd(harm, images, **{"eps": 0.1, "step": 0.05, "steps": 3, **options})
