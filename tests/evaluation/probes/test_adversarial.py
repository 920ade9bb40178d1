import pytest
import torch
from toy_audits import small_network, toy_images

from holdfast.attacks import AttackCheckpoint, pgd
from holdfast.data import Images
from holdfast.evaluation import fit_probe
from holdfast.evaluation.probes.adversarial import (
    HEAD_SCHEDULES,
    SAVED_EVERY,
    HeadSchedule,
    classifier,
    features_of,
    train_head,
)

ALF = HEAD_SCHEDULES["alf"].of_length(2)
IMAGES = toy_images((40, 30, 20))
BRIGHTNESS = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def mean_colour(pixels):
    """Features [n, 3] that a perturbation of eps moves by eps."""
    return pixels.mean((2, 3)) @ BRIGHTNESS


def head_of(schedule, *, images=IMAGES, start=None, **options):
    clean = mean_colour(images.floats())
    return train_head(mean_colour, images, clean, classes=3, schedule=schedule, start=start, **options)


def accuracy(head, pixels):
    return float((head.predict(mean_colour(pixels)) == IMAGES.labels).double().mean())


def test_an_attacked_head_withstands_more_than_a_clean_one():
    # Red tells the classes apart by less than an attack moves it, green by more.
    pixels = IMAGES.pixels.clone()
    pixels[:, 0] = (100 + 4 * IMAGES.labels[:, None, None]).to(torch.uint8)
    pixels[:, 1] = torch.randint(0, 40, pixels[:, 1].shape, generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    pixels[:, 1] += (60 * IMAGES.labels[:, None, None]).to(torch.uint8)
    images = Images.of(pixels, IMAGES.labels)
    start = fit_probe(mean_colour(images.floats()), IMAGES.labels, classes=3, regularisation=(1e-6,))
    schedule = HeadSchedule(phases=(("attacked", 120),), lr=0.05, eps=16 / 255, batch_size=45)
    trained = head_of(schedule, images=images, start=start)
    losses = []
    for head in (start, trained):
        harm = torch.nn.CrossEntropyLoss(reduction="none")
        moved = pgd(
            lambda x, head=head, harm=harm: harm(head.logits(mean_colour(x)), IMAGES.labels),
            images.floats(), eps=16 / 255, step=4 / 255, steps=10,
        )  # fmt: skip
        losses.append(harm(head.logits(mean_colour(moved)), IMAGES.labels).mean())
    assert losses[1] < losses[0]


def test_a_head_is_the_same_for_the_same_seed():
    schedule = ALF
    first, second, other = (head_of(schedule, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.weight, second.weight)
    assert not torch.equal(first.weight, other.weight)


def test_clean_epochs_alone_fit_the_classes():
    head = head_of(HeadSchedule(phases=(("clean", 180),), lr=0.1, batch_size=30))
    assert accuracy(head, IMAGES.floats()) > 0.95


def test_schedules_count_the_steps_of_the_papers_scripts():
    emp_ssl = HEAD_SCHEDULES["emp-ssl"]
    assert emp_ssl.phases == (("clean", 390), ("attacked", 390), ("clean", 390))
    assert (emp_ssl.lr, emp_ssl.batch_size, emp_ssl.steps, emp_ssl.fresh) == (3e-4, 256, 5, True)
    assert emp_ssl.eps == pytest.approx(8 / 255)
    assert HEAD_SCHEDULES["simclr-clean"].phases == (("clean", 3900),)
    assert HEAD_SCHEDULES["simclr-attacked"].phases == (("attacked", 3900),)


def test_a_schedule_of_another_length_keeps_its_proportions():
    assert HEAD_SCHEDULES["emp-ssl"].of_length(10).phases == (("clean", 3), ("attacked", 4), ("clean", 3))
    assert HEAD_SCHEDULES["emp-ssl"].of_length(1170) == HEAD_SCHEDULES["emp-ssl"]


def test_as_many_steps_are_taken_as_the_schedule_says_however_few_the_images():
    told = []
    schedule = HEAD_SCHEDULES["emp-ssl"].of_length(9)
    head_of(schedule, on_progress=lambda done, steps: told.append((done, steps)))
    assert told == [(step, 9) for step in range(1, 10)]


def test_the_schedule_of_the_emp_ssl_rows_trains_its_head():
    clean = HeadSchedule(phases=(("clean", 1170),), lr=3e-4)
    features = torch.randn(4, 64, generator=torch.Generator().manual_seed(0))[torch.arange(90) % 4]
    images = Images.of(torch.zeros(90, 3, 4, 4, dtype=torch.uint8), torch.arange(90) % 4)
    head = train_head(mean_colour, images, features, classes=4, schedule=clean)
    assert (head.predict(features) == images.labels).double().mean() > 0.98


def test_an_interrupted_head_goes_on_where_it_was_saved(tmp_path):
    schedule = HEAD_SCHEDULES["alf"].of_length(2 * SAVED_EVERY + 5)
    checkpoint = AttackCheckpoint(tmp_path / "head.safetensors", "same")

    def interrupt(done, _):
        if done == SAVED_EVERY + 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        head_of(schedule, checkpoint=checkpoint, on_progress=interrupt)
    told = []
    resumed = head_of(schedule, checkpoint=checkpoint, on_progress=lambda done, _: told.append(done))
    assert told[0] == SAVED_EVERY + 1
    whole = head_of(schedule)
    assert torch.equal(resumed.weight, whole.weight)
    assert torch.equal(resumed.bias, whole.bias)


def test_a_started_head_keeps_its_standardisation():
    start = fit_probe(mean_colour(IMAGES.floats()), IMAGES.labels, classes=3)
    head = head_of(ALF, start=start)
    assert torch.equal(head.shift, start.shift)
    assert torch.equal(head.scale, start.scale)
    assert not torch.equal(head.weight, start.weight)


def test_the_encoder_is_not_touched():
    network = small_network().eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    features = features_of(network)
    clean = features(IMAGES.floats()).detach()
    train_head(features, IMAGES, clean, classes=3, schedule=ALF)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_classifier_is_the_probe_on_the_features():
    start = fit_probe(mean_colour(IMAGES.floats()), IMAGES.labels, classes=3)
    pixels = IMAGES.floats()
    torch.testing.assert_close(classifier(mean_colour, start)(pixels), start.logits(mean_colour(pixels)))


def test_a_head_needs_labels():
    with pytest.raises(ValueError, match="add a label column"):
        head_of(ALF, images=Images.of(IMAGES.pixels))
