"""RoCL, ACL, DynACL, DeACL, ProFeAT: what each contrasts, what its adversary climbs, what its teacher is."""

from dataclasses import replace
from typing import Any

import pytest
import safetensors.torch
import torch
from small_methods import small_config, teacher_run
from torch import Tensor
from torch.nn import functional as F

from holdfast.config import RunConfig, ViewSettings
from holdfast.data.batches import Batch
from holdfast.methods import ACL, PRESETS, AdversaryConfig, Method, ProFeAT, Views, build, with_settings
from holdfast.methods.clean_teacher import teachers_head
from holdfast.methods.strength_schedule import strength, weaker
from holdfast.models import load_encoder
from holdfast.objectives import joint_nt_xent, nt_xent
from holdfast.runs import RunFolder, write_json


def batch(epoch: int = 0) -> Batch:
    images = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    return Batch(images=images, ids=torch.arange(6) * 3, epoch=epoch)


def built(name: str, parts: dict[str, Any] | None = None, epochs: int = 4, **settings: Any) -> Method:
    config = RunConfig(method=small_config(name, **settings), encoder="timm/test_resnet", epochs=epochs)
    return build(with_settings(config, **(parts or {})), image_size=16)


def cos(one: Tensor, other: Tensor) -> Tensor:
    return F.cosine_similarity(one, other, dim=1).mean()


def test_joint_nt_xent_is_a_slow_loop_and_nt_xent_for_two_views():
    z = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows, terms = F.normalize(z.flatten(0, 1), dim=1), []
    for i in range(12):
        below = sum(torch.exp(rows[i] @ rows[j] / 0.3) for j in range(12) if j != i)
        terms += [
            -torch.log(torch.exp(rows[i] @ rows[p] / 0.3) / below) for p in range(12) if p != i and p % 4 == i % 4
        ]
    torch.testing.assert_close(joint_nt_xent(z, temperature=0.3), torch.stack(terms).mean())
    torch.testing.assert_close(joint_nt_xent(z[:2], temperature=0.3), nt_xent(z[0], z[1], temperature=0.3))
    spread = torch.eye(6).expand(3, -1, -1)
    assert joint_nt_xent(spread, temperature=0.3) < joint_nt_xent(spread[:, :1].expand(3, 6, -1), temperature=0.3)


def test_rocl_is_the_joint_contrast_and_a_little_of_the_adversarys_alone_and_attacks_the_latter():
    method = built("rocl", adversary_weight=0.25)
    views = method.views(batch())
    assert torch.equal(views.images[0], views.images[2])
    z = method.network(views.images.flatten(0, 1)).unflatten(0, (3, 6))
    expected = joint_nt_xent(z, temperature=0.5) + 0.25 * nt_xent(z[2], z[1], temperature=0.5)
    torch.testing.assert_close(method.loss(views), expected)
    other, adversary = (method.network.eval()(images) for images in views.images[1:])
    torch.testing.assert_close(method.train().harm(views), nt_xent(adversary, other, temperature=0.5))


def contrast(method: Method, views: Views) -> Tensor:
    """NT-Xent of ACL's last two views by the network's own norms."""
    z1, z2 = method.network(views.images[2:].flatten(0, 1)).chunk(2)
    return nt_xent(z1, z2, temperature=0.5)


def test_acl_sees_clean_and_attacked_views_by_norms_of_their_own():
    method = built("acl")
    assert isinstance(method, ACL)
    views = method.views(batch())
    attacked = contrast(method, views)
    torch.testing.assert_close(method.loss(views), attacked)  # nothing moved yet, and the norms are alike
    counts = {name: int(b) for name, b in method.named_buffers() if name.endswith("tracked")}
    assert {counts[name] for name in counts if name.startswith("clean.")} == {1}
    assert {counts[name] for name in counts if name.startswith("network.")} == {2}
    with torch.no_grad():
        for norm in method.clean.norms:
            norm.weight.mul_(torch.linspace(0.2, 2, len(norm.weight)))  # type: ignore[union-attr,arg-type]
    assert (2 * method.loss(views) - 2 * attacked).abs().item() > 1e-3
    harm = method.harm(views)
    method.network.eval()
    torch.testing.assert_close(harm, contrast(method, views))
    method.train()
    assert not torch.equal(method.first_features(batch().images), method.network[0](batch().images))


def test_strength_falls_in_steps_and_scales_what_a_view_is_drawn_by():
    assert [strength(epoch, every=2, epochs=8) for epoch in range(9)] == [1, 1, 0.75, 0.75, 0.5, 0.5, 0.25, 0.25, 0.0]
    settings = ViewSettings(crop_min=0.1)
    full = weaker(settings, 1.0)
    assert full == pytest.approx({name: getattr(settings, name) for name in full})
    half = weaker(settings, 0.5)
    assert half["crop_min"] == pytest.approx(0.55) and half["jitter"] == pytest.approx(0.4)
    assert half["hue"] == pytest.approx(0.05) and weaker(settings, 0.0)["crop_min"] == 1.0


def test_under_a_schedule_the_last_epochs_see_the_whole_image_in_its_own_colours():
    method = built("acl", {"strength_schedule": "steps:1", "adversary": "pgd:1"}, epochs=1000)
    late, early = method.views(batch(epoch=999)).parameters, method.views(batch()).parameters
    assert int(late.height.min()) == 16 and not late.grey.any() and float(late.hue.abs().max()) < 1e-3
    assert int(early.height.min()) < 16


def test_dynacls_weight_of_attacked_views_rises_as_the_views_weaken():
    method = built("acl", {"strength_schedule": "steps:1"}, attacked_ramp=2 / 3)
    inner = method.inner
    assert isinstance(inner, ACL)
    views = method.views(batch(epoch=2))  # strength 1/2
    with torch.no_grad():
        for norm in inner.clean.norms:
            norm.weight.mul_(torch.linspace(0.2, 2, len(norm.weight)))  # type: ignore[union-attr,arg-type]
    found, attacked, weight = method.loss(views), contrast(inner, views), 1 + 2 / 3 / 2
    inner.strength, inner.config = 1.0, small_config("acl")
    clean = 2 * inner.loss(views) - attacked
    torch.testing.assert_close(found, ((2 - weight) * clean + weight * attacked) / 2, rtol=1e-4, atol=1e-5)


def test_deacl_is_the_equation_and_its_teacher_stays_as_it_was():
    method = built("deacl", steadiness=3.0).train()
    views = method.views(batch())
    moved = views.images.clone()
    moved[1] = (moved[1] + 0.1).clamp(0, 1)
    teacher = load_encoder(teacher_run(), image_size=16)
    student, attacked = method.network[0](moved.flatten(0, 1)).chunk(2)
    expected = -cos(student, teacher(moved[0])) - 3 * cos(attacked, student)
    before = {name: b.clone() for name, b in method.named_buffers() if name.startswith("teacher")}
    views = replace(views, images=moved)
    torch.testing.assert_close(method.loss(views), expected)
    harm = method.harm(views)
    torch.testing.assert_close(harm, -cos(method.network.eval()[0](moved[1]), teacher(moved[0])))
    assert before and all(torch.equal(before[name], b) for name, b in method.named_buffers() if name in before)
    assert [p for p in method.get_submodule("teacher").parameters() if p.requires_grad] == []


def test_profeat_starts_from_its_teacher_and_agrees_in_both_spaces():
    method = built("profeat", steadiness=2.0)
    assert isinstance(method, ProFeAT)
    own, other = method.network[0].state_dict(), load_encoder(teacher_run()).state_dict()
    assert own.keys() == other.keys() and all(torch.equal(own[name], other[name]) for name in own)
    views = method.views(batch())
    weak = views.parameters
    assert not weak.jitter[2].any() and torch.equal(views.images[0], views.images[1])
    views = replace(views, images=(views.images * torch.tensor([1.0, 0.9, 0.8]).view(3, 1, 1, 1, 1)))
    student, attacked = (method.network(images) for images in views.images[:2])  # each by its own batch
    teacher, project = method.teacher(views.images[2]), method.projector.eval()
    spaces = [(student, attacked, teacher), tuple(project(part) for part in (student, attacked, teacher))]
    expected = torch.stack([-cos(s, t) - 2 * cos(a, s) for s, a, t in spaces]).mean()
    torch.testing.assert_close(method.loss(views), expected)
    harm = method.harm(views)
    student, attacked = (method.network.eval()(images) for images in views.images[:2])
    torch.testing.assert_close(harm, -cos(attacked, student) - cos(project(attacked), project(teacher)))


def test_an_average_is_the_mean_of_the_first_steps_then_moves_and_is_what_audits_see():
    method = built("simclr", {"weight_average": "ema:0.5", "adversary": "free:1"})
    assert method.encoder is not method.network[0]
    seen = []
    for step in range(3):
        with torch.no_grad():
            for parameter in method.network.parameters():
                parameter.fill_(float(step))
            for name, statistic in method.network.named_buffers():
                if "running" in name:
                    statistic.fill_(step + 7.0)
        method.after_step(0.1)
        statistics = {float(b.mean()) for name, b in method.encoder.named_buffers() if "running" in name}
        assert statistics == {step + 7.0}, "statistics of norms are the last ones"
        seen.append(float(next(method.encoder.parameters()).flatten()[0]))
    assert seen == [0.0, 0.5, 1.25]


@pytest.mark.parametrize(
    ("name", "teacher", "message"),
    [
        ("deacl", None, "a clean teacher, --teacher RUN, got none; train one first"),
        ("deacl", "timm/test_vit", "a teacher of 96 features as the student has, got 64"),
        ("profeat", "timm/test_resnet", "use --encoder timm/test_resnet --stem standard"),
        ("profeat", "timm/test_vit", "a teacher of 96 features"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused_in_a_line(name, teacher, message):
    with pytest.raises(ValueError, match=message):
        built(name, teacher=teacher)


def test_a_teacher_without_a_projector_is_refused_in_a_line():
    with pytest.raises(ValueError, match="a run folder with a checkpoint as --teacher, for its projector, got timm/t"):
        teachers_head("timm/test_resnet", 96)


@pytest.mark.parametrize("parts", [{"weight_average": "ema:0.5"}, {"weight_average": "ema:0.5", "adversary": "pgd:1"}])
def test_the_projector_of_a_run_with_an_average_of_the_weights_is_the_averages_as_its_encoder_is(parts, tmp_path):
    method: Any = built("simclr", parts)
    averaged = method.inner.average if "adversary" in parts else method.average
    with torch.no_grad():
        for value, network in enumerate((averaged.network, method.network), start=1):
            for parameter in network.parameters():
                parameter.fill_(value)
    run = RunFolder(tmp_path)
    state = {name: tensor.clone() for name, tensor in method.state_dict().items()}
    (run.checkpoints / "step-00000001").mkdir(parents=True)
    safetensors.torch.save_file(state, run.checkpoints / "step-00000001" / "method.safetensors")
    write_json(run.config, {})
    head = teachers_head(str(tmp_path), 96)
    assert {float(parameter.mean()) for parameter in head.parameters()} == {1.0}


def test_presets_attack_as_their_papers_do_and_count_its_passes():
    passes = {}
    for name in ("rocl", "acl", "dynacl", "deacl", "profeat"):
        preset = PRESETS[name]()
        method = small_config("acl" if name == "dynacl" else name)
        made = build(RunConfig(method=method, parts=preset.parts, encoder="timm/test_resnet"), image_size=16)
        passes[name] = made.passes_per_image
        attack = next(part for part in preset.parts if isinstance(part, AdversaryConfig))
        assert attack.adversary_start == "random", "a student that is its teacher has no gradient at the image"
    assert passes == {"rocl": 3 + 7 * 2, "acl": 4 + 5 * 2, "dynacl": 4 + 5 * 2, "deacl": 2 + 5, "profeat": 2 + 5}


@pytest.mark.parametrize("name", ["profeat", "lore", "dynacl++"])
def test_a_student_that_starts_as_its_teacher_is_as_ready_to_train_as_any(name):
    method = build(RunConfig(method=small_config(name), encoder="timm/test_resnet", stem="small"), image_size=16)
    assert all(module.training for module in method.encoder.modules())
