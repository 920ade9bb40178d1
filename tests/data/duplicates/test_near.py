import torch

from holdfast.data import duplicate_groups, load_images, perceptual_hash
from holdfast.data.duplicates.near import group_sizes

DIGITS = load_images("digits", limit=200).pixels


def noisy(pixels, scale=0.02):
    generator = torch.Generator().manual_seed(0)
    changed = pixels / 255 + scale * torch.randn(pixels.shape, generator=generator)
    return (255 * changed.clamp(0, 1)).round().to(torch.uint8)


def test_noisy_twins_are_found_and_other_digits_are_not():
    groups = duplicate_groups(torch.cat([DIGITS, noisy(DIGITS[:50])]))
    found = (groups[200:] == groups[:50]).float().mean()
    assert found > 0.85
    assert (group_sizes(groups)[50:200] > 1).sum() < 10


def test_a_darker_copy_has_the_same_hash():
    darker = (DIGITS * 0.8).to(torch.uint8)
    differing = (perceptual_hash(DIGITS) != perceptual_hash(darker)).sum(1)
    assert differing.float().mean() < 6
    assert perceptual_hash(DIGITS).abs().min() == 1


def test_groups_are_numbered_by_their_first_image_and_are_transitive():
    a, b = DIGITS[:1], DIGITS[7:8]
    assert duplicate_groups(torch.cat([a, b, a, b, a])).tolist() == [0, 1, 0, 1, 0]


def test_blank_images_are_found_together():
    blank = torch.full((3, 3, 32, 32), 200, dtype=torch.uint8)
    assert duplicate_groups(torch.cat([DIGITS[:2], blank])).tolist() == [0, 1, 2, 2, 2]


def test_noise_images_are_not_duplicates():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (60, 3, 32, 32), dtype=torch.uint8, generator=generator)
    assert duplicate_groups(noise).tolist() == list(range(60))


def test_group_sizes_count_members():
    assert group_sizes(torch.tensor([0, 0, 2, 0])).tolist() == [3, 3, 1, 3]
