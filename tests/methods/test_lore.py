"""LORE and FARE: the Lagrangian, the weight that learns, and an encoder that starts as what was downloaded."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from ddp_workers import double_method
from small_methods import small_config, teacher_run
from torch.nn import functional as F

from holdfast.cli import main
from holdfast.config import RunConfig
from holdfast.data.batches import Batch
from holdfast.methods import LORE, PRESETS, AdversaryConfig, LOREConfig, build, with_settings
from holdfast.methods.clean_teacher import take_over
from holdfast.methods.robust.lore import Dual
from holdfast.models import Encoder, EncoderSpec, load_encoder
from holdfast.models.encoders import build_network
from holdfast.objectives import lore, squared_shift
from holdfast.runs import RunFolder


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def batch() -> Batch:
    images = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Batch(images=images, ids=torch.arange(6), epoch=0)


def built(parts: dict[str, Any] | None = None, **settings: Any) -> Any:
    own = {"start": "teacher", "teacher": "timm/test_resnet", **settings}
    config = RunConfig(method=small_config("lore", **own), encoder="timm/test_resnet")
    return double_method(with_settings(replace(config, stem="standard"), **(parts or {})))


def test_lore_is_a_slow_loop_and_without_weight_fare():
    attacked, clean, teacher, weight = draw(0, 5, 4), draw(1, 5, 4), draw(2, 5, 4), draw(3, 5).exp()
    terms = []
    for i in range(5):
        shift = sum(float(attacked[i, k] - teacher[i, k]) ** 2 for k in range(4))
        moved = sum(float(clean[i, k] - teacher[i, k]) ** 2 for k in range(4))
        length = sum(float(teacher[i, k]) ** 2 for k in range(4))
        terms.append(shift + float(weight[i]) * (moved - 0.1 * length))
    assert float(lore(attacked, clean, teacher, weight=weight, slack=0.1)) == pytest.approx(sum(terms) / 5)
    fare = lore(attacked, clean, teacher, weight=torch.zeros(5, dtype=torch.float64), slack=0.1)
    torch.testing.assert_close(fare, squared_shift(attacked, teacher).mean())


def test_descent_raises_the_weight_of_an_image_that_moved_too_far_and_lowers_that_of_one_that_did_not():
    teacher = torch.ones(2, 3, dtype=torch.float64)
    clean = torch.stack([teacher[0] * 2, teacher[1]])
    weight = torch.ones(2, dtype=torch.float64, requires_grad=True)
    lore(teacher, clean, teacher, weight=weight, slack=0.1).backward()
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, torch.tensor([-(3 - 0.3) / 2, 0.3 / 2], dtype=torch.float64))


def test_a_student_begins_as_its_teacher_and_has_the_whole_slack_left():
    method = built()
    views = method.views(batch())
    own = load_encoder("timm/test_resnet", image_size=16).double()
    teacher = own(views.images[0])
    torch.testing.assert_close(method.network[0].eval()(views.images[0]), teacher)
    expected = -0.1 * (method.dual(teacher) * teacher.square().sum(1)).mean()
    torch.testing.assert_close(method.loss(views), expected)
    readings = method.readings()
    assert readings["moved_too_far"] == 0 and readings["dual"] > 0 and method.readings() == {}


def test_a_batch_is_attacked_once_for_all_its_steps_and_norms_keep_the_teachers_statistics():
    method = built({"adversary": "pgd:2", "adversary_start": "random"}, updates=3)
    before = {name: b.clone() for name, b in method.named_buffers() if "running" in name}
    found = []
    inner = method.inner
    plain = inner.loss
    inner.loss = lambda views: found.append(views.images) or plain(views)
    for loss in method.losses(batch()):
        loss.backward()
    assert len(found) == 3 and all(torch.equal(one, found[0]) for one in found)
    assert not torch.equal(found[0][1], found[0][0]), "the second view is attacked"
    assert all(torch.equal(before[name], b) for name, b in method.named_buffers() if name in before)
    assert method.passes_per_image == 3 * 2 + 2


def test_the_constraints_weight_learns_so_many_times_as_fast_under_adamw():
    features = draw(5, 4, 8)
    slow, fast = Dual(8, rate=1.0).double(), Dual(8, rate=10.0).double()
    with torch.no_grad():
        for one, other in zip(slow.parameters(), fast.parameters(), strict=True):
            other.copy_(one / 10)
    torch.testing.assert_close(slow(features), fast(features))
    for dual, lr in ((slow, 1e-3), (fast, 1e-4)):
        optimiser = torch.optim.AdamW(dual.parameters(), lr=lr, weight_decay=0.0)
        (-dual(features).sum()).backward()
        optimiser.step()
    torch.testing.assert_close(slow(features), fast(features), rtol=1e-4, atol=1e-6)


def test_the_constraints_weight_does_not_depend_on_how_long_features_are():
    dual, features = Dual(8, rate=50.0).double(), draw(5, 4, 8)
    torch.testing.assert_close(dual(features), dual(1000 * features))


def test_a_weight_that_fell_while_the_student_was_near_rises_again_once_it_moved_too_far():
    teacher = 2 * draw(6, 16, 1280).abs()  # as a real encoder's: squared length about 5,000
    dual = Dual(1280, rate=50.0).double()
    optimiser = torch.optim.AdamW(dual.parameters(), lr=1e-4, weight_decay=1e-4)
    found = [float(dual(teacher).detach().mean())]
    for clean in (teacher, 0.2 * teacher):
        for _ in range(15 if clean is teacher else 60):
            optimiser.zero_grad()
            lore(teacher, clean, teacher, weight=dual(teacher), slack=0.1).backward()
            optimiser.step()
        found.append(float(dual(teacher).detach().mean()))
    assert found[1] < found[0] < found[2], "long features drove the weight to 0, where no gradient was left"


def test_at_its_teacher_an_attack_finds_no_gradient_at_the_image_itself_so_the_presets_start_at_random():
    method = built()
    views = method.views(batch())
    images = views.images.requires_grad_()
    method.harm(replace(views, images=images)).backward()
    assert float(images.grad.abs().max()) < 1e-9
    attacks = [part for name in ("lore", "fare") for part in PRESETS[name]().parts]
    assert [part.adversary_start for part in attacks if isinstance(part, AdversaryConfig)] == ["random"] * 2


def test_fare_is_lore_without_its_constraint_and_both_attack_as_their_papers():
    settings = PRESETS["fare"]().method
    assert isinstance(settings, LOREConfig) and settings.slack is None
    method = built(slack=None, updates=1)
    assert isinstance(method, LORE) and method.dual is None
    views = method.views(batch())
    moved = (views.images + 0.1).clamp(0, 1)
    method.network.eval()
    expected = F.mse_loss(method.network(moved[0]), method.teacher(moved[1]), reduction="sum") / 6
    torch.testing.assert_close(method.loss(replace(views, images=moved)), expected)
    for name, passes in (("lore", 5 * 2 + 10), ("fare", 1 + 10)):
        preset = PRESETS[name]()
        config = replace(preset.method, teacher="timm/test_resnet", start="own")
        made = build(RunConfig(method=config, parts=preset.parts, encoder="timm/test_resnet"), image_size=16)
        assert made.passes_per_image == passes


@pytest.mark.parametrize("part", [{"harmonize": "gh:1", "harmonize_classes": 5}, {"memory_augment": "bcl-i:1"}])
def test_fare_encodes_one_view_of_an_image_and_is_refused_where_a_part_compares_two(part):
    with pytest.raises(ValueError, match="with two views of an image, got a method that encodes one; leave it out"):
        built(part, slack=None)
    assert torch.isfinite(built(part).loss(built().views(batch())))


def test_a_student_of_another_stem_is_refused_with_the_flags_that_fit():
    method = small_config("lore", start="teacher", teacher="timm/test_resnet")
    config = RunConfig(method=method, encoder="timm/test_resnet", stem="small")
    with pytest.raises(ValueError, match=r"got timm/test_resnet of 16 px with the small stem; use --encoder timm/test"):
        build(config, image_size=16)


def encoder_of(name: str, **arguments: Any) -> Encoder:
    spec = EncoderSpec(encoder=name, stem="standard", image_size=32, arguments=arguments)
    return Encoder(build_network(spec), spec, 192).eval()


def test_a_student_takes_over_the_heads_that_no_shape_tells():
    shape = {"img_size": 32, "depth": 1, "embed_dim": 192}
    student = encoder_of("timm/vit_tiny_patch16_224", **shape, num_heads=3)
    teacher = encoder_of("timm/vit_tiny_patch16_224", **shape, num_heads=12)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    student.load_state_dict(teacher.state_dict())
    assert not torch.allclose(student(images), teacher(images), atol=1e-3), "equal weights are another encoder"
    take_over(student, teacher)
    torch.testing.assert_close(student(images), teacher(images))
    assert student.spec == teacher.spec and student.network is not teacher.network


def test_a_student_of_other_padding_is_refused_though_every_shape_agrees():
    student, teacher = encoder_of("timm/efficientnet_lite0"), encoder_of("timm/tf_efficientnet_lite0")
    with pytest.raises(ValueError, match=r"own network.*use --encoder timm/tf_efficientnet_lite0 --stem standard"):
        take_over(student, teacher)


def test_the_command_makes_a_file_of_weights_robust_and_its_clean_features_stay_near(tmp_path):
    words = "--data digits --limit 60 --holdout 20 --image-size 16 --encoder timm/test_resnet --stem standard".split()
    words += "--epochs 1 --batch-size 20 --precision 32 --signals-every 0".split()
    words += ["--teacher", source := teacher_run(stem="standard")]
    assert main(["train", "lore", *words, "--out", str(tmp_path / "run")]) == 0
    run = RunFolder.open(tmp_path / "run")
    row = next(r for r in map(json.loads, run.metrics.read_text().splitlines()) if r["kind"] == "epoch")
    assert row["step"] == 2 * 5 and row["moved_too_far"] == 0
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        own, teacher = (load_encoder(one, image_size=16)(images) for one in (run.path, source))
    assert 0 < float((own - teacher).norm() / teacher.norm()) < 0.1**0.5
