from dataclasses import replace

import pytest
import torch
from small_methods import small_config, sparse
from torch.nn import functional as F

from holdfast.config import VIEWS, RunConfig
from holdfast.data import Batch, load_images, nuisances
from holdfast.methods import METHODS, Method, build, with_settings
from holdfast.methods.first_view import first_features, tied
from holdfast.methods.invclr import InvariancePenalty

every_method = pytest.mark.parametrize("name", sparse())
every_source = pytest.mark.parametrize("source", ["digits", "spirograph:40:row"])
every_form = pytest.mark.parametrize("form", ["pair", "vjp"])


def config(name: str, source: str = "digits", **changes) -> RunConfig:
    plain = RunConfig(method=small_config(name), data=source, encoder="timm/test_resnet")
    return with_settings(plain, penalty_limit=1e6, **changes)


def batch(source: str = "digits", n: int = 8) -> Batch:
    images = load_images(source, limit=n)
    return Batch(images=images.floats(), ids=images.ids, epoch=0)


def made(settings: RunConfig) -> Method:
    return build(settings, image_size=32).train()


def gradients(method: Method) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in method.parameters() if p.grad is not None])


def stepped(method: Method, source: str = "digits") -> tuple[float, torch.Tensor]:
    method.start_epoch(0)
    loss = method.loss(method.views(batch(source)))
    loss.backward()
    return float(loss.detach()), gradients(method)


@every_method
@every_source
def test_weight_0_is_the_plain_method_bit_for_bit(name, source):
    settings = config(name, source)
    plain, zero = made(settings), made(with_settings(settings, penalty="invariance:0", penalty_form="vjp"))
    assert isinstance(zero, InvariancePenalty)
    (loss, gradient), (loss_0, gradient_0) = stepped(plain, source), stepped(zero, source)
    assert loss == loss_0
    assert torch.equal(gradient, gradient_0)
    plain_state, state = plain.state_dict(), zero.state_dict()
    assert all(torch.equal(tensor, state[f"inner.{name}"]) for name, tensor in plain_state.items())


@every_method
@every_source
@every_form
def test_a_penalty_adds_its_weight_times_its_value(name, source, form):
    settings = config(name, source, penalty="invariance:0.5", penalty_form=form)
    method = made(settings)
    loss, gradient = stepped(method, source)
    plain, plain_gradient = stepped(made(with_settings(settings, penalty=None)), source)
    readings = method.readings()
    assert readings["penalty"] > 0
    assert readings["penalty_clipped_share"] == 0
    assert loss == pytest.approx(plain + 0.5 * readings["penalty"], rel=1e-5)
    assert not torch.allclose(gradient, plain_gradient)
    assert method.readings() == {}


@every_method
def test_the_features_of_view_1_are_the_encoders(name):
    method = made(config(name)).eval()
    views = method.views(batch())
    with first_features(method.network) as seen:
        method.loss(views)
    torch.testing.assert_close(seen[0][:8], method.encoder(views.images[0]))


@every_method
@every_form
def test_running_statistics_are_those_of_the_plain_method(name, form):
    settings = config(name, penalty="invariance:1", penalty_form=form)
    method, plain = made(settings), made(with_settings(settings, penalty=None))
    for one in (method, plain):
        stepped(one)
    before, after = plain.encoder.state_dict(), method.encoder.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before if "running" in key or "tracked" in key)


def test_passes_count_the_second_encoding_and_the_second_backward():
    passes = {
        form: made(config("simclr", penalty="invariance:1", penalty_form=form)).passes_per_image
        for form in ("pair", "vjp")
    }
    assert passes == {"pair": 3, "vjp": 4}
    assert made(config("simclr", penalty="invariance:0")).passes_per_image == 2


@every_source
def test_the_pair_form_is_the_mean_squared_distance_to_another_draw(source):
    method = made(config("simclr", source, penalty="invariance:1")).eval()
    views = method.views(batch(source))
    assert isinstance(method, InvariancePenalty)
    _, values = method._pair(views, method.find(views))
    first = F.normalize(method.encoder(views.images[0]), dim=1)
    for view in (views.images[1], views.images[0]):
        other = (first - F.normalize(method.encoder(view), dim=1)).square().sum(1)
        assert not torch.allclose(values, other, atol=1e-4)
    assert bool(((values >= 0) & (values <= 4)).all())


@pytest.mark.slow
def test_the_forms_estimate_one_number_where_nuisances_move_little():
    settings = config("simclr", "spirograph:40", penalty="invariance:1", penalty_draws=0)
    method = build(settings, image_size=12).double().eval()
    assert isinstance(method, InvariancePenalty)
    sums: dict[str, list[float]] = {"_pair": [], "_vjp": []}
    for epoch in range(20):
        drawn = batch("spirograph:40", 40)
        views = method.views(replace(drawn, images=drawn.images.double(), epoch=epoch))
        found = nuisances(views, VIEWS["cifar"])
        middle, reach = (found.low + found.high) / 2, 0.001 * (found.high - found.low)
        values = middle + reach * (found.values - middle) / (found.high - found.low)
        narrow = replace(found, values=values, low=middle - reach / 2, high=middle + reach / 2)
        views = replace(views, images=torch.stack([found.render(values), views.images[1]]))
        for form, means in sums.items():
            means.append(float(getattr(method, form)(views, narrow)[1].mean().detach()))
    pair, vjp = (torch.tensor(means).mean() for means in sums.values())
    assert float(pair) == pytest.approx(float(vjp), rel=0.15)


def test_the_penalty_is_keyed_by_id_not_by_batch():
    method = made(config("simclr", penalty="invariance:1", penalty_form="vjp")).eval()
    whole, part = batch(), batch()
    part = Batch(images=whole.images[[5, 2]], ids=whole.ids[[5, 2]], epoch=0)
    values = [method._vjp(views, method.find(views))[1] for views in map(method.views, (whole, part))]
    torch.testing.assert_close(values[0][[5, 2]], values[1], rtol=1e-3, atol=1e-6)


def test_gated_samples_are_inactive_and_reported():
    method = made(config("simclr", penalty="invariance:1", penalty_form="vjp"))
    views = method.views(batch(n=64))
    method.loss(views)
    share = float(views.parameters.jitter[0].float().mean())
    assert method.readings()["penalty_active_share"] == pytest.approx(share, abs=0.05)


def test_a_hard_limit_stops_the_penalty_and_is_reported():
    settings = config("simclr", penalty="invariance:1", penalty_form="vjp")
    method, plain = made(with_settings(settings, penalty_limit=1e-6)), made(with_settings(settings, penalty=None))
    (loss, gradient), (plain_loss, plain_gradient) = stepped(method), stepped(plain)
    assert method.readings()["penalty_clipped_share"] == 1
    assert loss == pytest.approx(plain_loss + 1e-6, abs=1e-6)
    torch.testing.assert_close(gradient, plain_gradient, rtol=1e-4, atol=1e-6)


def test_no_jitter_and_single_images_are_handled():
    still = replace(RunConfig(method=METHODS["simclr"].Config()).views, jitter=0.0)
    method = made(config("simclr", penalty="invariance:1", penalty_form="vjp", views=still)).eval()
    one = Batch(images=batch().images[:1], ids=batch().ids[:1], epoch=0)
    assert bool(method.loss(method.views(one)).isfinite())
    assert method.readings()["penalty"] == 0


@every_form
def test_an_adversary_moves_views_under_the_penalty(form):
    settings = config("simclr", penalty="invariance:0.5", penalty_form=form, adversary="free:2")
    method = made(settings)
    losses = []
    for loss in method.losses(batch()):
        loss.backward()
        losses.append(float(loss.detach()))
    assert len(losses) == method.steps_per_batch == 2
    assert method.readings()["penalty"] > 0


def test_tied_views_keep_their_bits_and_both_derivatives():
    views = made(config("simclr")).views(batch())
    moved = views.images[0].clone().requires_grad_()
    rendered = torch.rand_like(moved).requires_grad_()
    result = tied(replace(views, images=torch.stack([moved, views.images[1]])), rendered)
    assert torch.equal(result.images.detach(), views.images)
    result.images[0].sum().backward()
    assert torch.equal(moved.grad, torch.ones_like(moved))
    assert torch.equal(rendered.grad, torch.ones_like(moved))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"penalty": "invariance"}, "NAME:NUMBER"),
        ({"penalty": "invarance:1"}, "expected --penalty"),
        ({"penalty": "invariance:-1"}, "expected --penalty"),
        ({"penalty": "invariance:1", "penalty_form": "vjp", "compile": True}, "second backward"),
        ({"penalty_limit": 0.0}, "penalty_limit"),
    ],
)
def test_a_penalty_that_cannot_be_is_refused(changes, message):
    plain, settings = config("simclr"), {"penalty_limit": 1000.0} | changes
    with pytest.raises(ValueError, match=message):
        build(with_settings(plain, **settings), image_size=32)


@pytest.mark.slow
@every_form
def test_bf16_is_near_float64_on_a_resnet18(form):
    """Value within 1 %, gradient norm within 3 %, at batch 64."""
    source = load_images("spirograph:64:row")
    plain = RunConfig(method=METHODS["simclr"].Config(per_view_norm=True), encoder="timm/resnet18")
    settings = with_settings(plain, penalty="invariance:1", penalty_form=form, penalty_clip="none")
    found = {}
    for precision in (torch.float64, torch.bfloat16):
        method = made(settings)
        images = source.floats()
        if precision == torch.float64:
            method, images = method.double(), images.double()
        views = method.views(Batch(images=images, ids=source.ids, epoch=0))
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            value = getattr(method, f"_{form}")(views, method.find(views))[1].mean()
        value.backward()
        norm = torch.stack([p.grad.double().square().sum() for p in method.encoder.parameters()]).sum().sqrt()
        found[precision] = (float(value.detach()), float(norm))
    (exact, exact_norm), (value, norm) = found.values()
    assert value == pytest.approx(exact, rel=0.01)
    assert norm == pytest.approx(exact_norm, rel=0.03)
