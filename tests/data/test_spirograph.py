import pyarrow.parquet as pq
import pytest
import torch
from reference.spirograph import picture

from holdfast.data import Batch, load_images, render_spirograph
from holdfast.data.factors import write_factors
from holdfast.data.spirograph import COLUMNS, RANGES, TARGETS, limits, parse_spirograph, to_ranges
from holdfast.data.views.nuisance_views import spirograph_views
from holdfast.randomness import generator

NORMALISE = pytest.mark.parametrize("normalise", ["image", "row"])


def parameters(n: int, dtype=torch.float64) -> torch.Tensor:
    return to_ranges(torch.rand(n, len(COLUMNS), generator=generator(0, "spirographs"), dtype=torch.float64)).to(dtype)


@NORMALISE
def test_pictures_equal_loops_over_points_and_pixels(normalise):
    table = parameters(3)
    expected = [picture(dict(zip(COLUMNS, row, strict=True)), size=9, normalise=normalise) for row in table.tolist()]
    result = render_spirograph(table, size=9, normalise=normalise)
    torch.testing.assert_close(result, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)


@NORMALISE
def test_gradients_and_second_derivatives_in_all_ten_parameters_are_right(normalise):
    table = parameters(2).requires_grad_()
    weights = torch.rand(2, 3, 5, 5, generator=generator(0, "weights"), dtype=torch.float64)

    def value(table):
        return (weights * render_spirograph(table, size=5, normalise=normalise)).sum((1, 2, 3))

    assert torch.autograd.gradcheck(value, table)
    assert torch.autograd.gradgradcheck(value, table)


@NORMALISE
def test_pixels_lie_between_the_two_colours(normalise):
    table = parameters(64, torch.float32)
    pictures = render_spirograph(table, normalise=normalise)
    for channel, (fore, back) in enumerate(((4, 5), (6, 7), (8, 9))):
        low, high = torch.minimum(table[:, fore], table[:, back]), torch.maximum(table[:, fore], table[:, back])
        flat = pictures[:, channel].flatten(1)
        assert bool(((flat >= low[:, None] - 1e-6) & (flat <= high[:, None] + 1e-6)).all())


def test_the_two_normalisations_differ():
    table = parameters(64)
    rows, images = (render_spirograph(table, normalise=normalise) for normalise in ("row", "image"))
    assert float((rows - images).abs().max()) > 0.5


def test_float32_is_near_float64_also_under_autocast():
    table = parameters(64)
    with torch.autocast("cpu", torch.bfloat16):
        result = render_spirograph(table.float())
    assert result.dtype == torch.float32
    torch.testing.assert_close(result.double(), render_spirograph(table), rtol=0, atol=1e-4)


def test_a_source_is_seeded_nested_and_within_its_ranges():
    small, large = load_images("spirograph:20"), load_images("spirograph:50")
    assert torch.equal(large.pixels[:20], small.pixels)
    assert load_images("spirograph:20").checksum == small.checksum
    assert small.labels is None
    for name, values in load_images("spirograph:2000").factors.items():
        low, high = RANGES[name]
        assert low <= float(values.min()) < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < float(values.max()) <= high


def test_the_test_split_is_of_other_spirographs():
    train, test = load_images("spirograph:50"), load_images("spirograph:50:test")
    assert not set(train.factors["m"].tolist()) & set(test.factors["m"].tolist())


def test_the_pixels_of_a_source_are_its_factors_rendered():
    images = load_images("spirograph:40:row", limit=8, seed=3)
    table = torch.stack([images.factors[name] for name in COLUMNS], dim=1).double()
    expected = (255 * render_spirograph(table, normalise="row")).round()
    assert torch.equal(images.pixels, expected.to(torch.uint8))


def test_factors_are_saved_by_id(tmp_path):
    images = load_images("spirograph:40", limit=8)
    write_factors(images, tmp_path / "factors.parquet")
    table = pq.read_table(tmp_path / "factors.parquet").to_pydict()
    assert table["id"] == images.ids.tolist()
    assert table["sigma"] == images.factors["sigma"].tolist()
    write_factors(load_images("digits", limit=3), tmp_path / "none.parquet")
    assert not (tmp_path / "none.parquet").exists()


def test_views_share_targets_and_differ_in_nuisances():
    images, source = load_images("spirograph:30"), parse_spirograph("spirograph:30:row")
    batch = Batch(images=images.floats(), ids=images.ids, epoch=2)
    views = spirograph_views(batch, source, seed=0, size=32)
    first, second = views.parameters.values
    for column, name in enumerate(COLUMNS):
        same = torch.equal(first[:, column], second[:, column])
        assert same == (name in TARGETS)
        if same:
            assert torch.equal(first[:, column], images.factors[name])
    assert torch.equal(views.images[0], render_spirograph(first, normalise="row"))


def test_views_are_keyed_by_id_and_epoch_not_by_batch():
    images, source = load_images("spirograph:30"), parse_spirograph("spirograph:30")

    def views(rows, epoch=0):
        batch = Batch(images=images.floats(rows), ids=images.ids[rows], epoch=epoch)
        return spirograph_views(batch, source, seed=1, size=16).parameters.values

    whole = views(torch.arange(30))
    assert torch.equal(views(torch.tensor([7, 3])), whole[:, [7, 3]])
    assert not torch.equal(views(torch.arange(30), epoch=1), whole)


def test_targets_can_be_chosen():
    source = parse_spirograph("spirograph:10:targets=sigma,h:test")
    assert source.targets == ("h", "sigma")
    assert source.nuisances == ("m", "b", "rfore", "rback", "gfore", "gback", "bfore", "bback")
    assert limits(("m", "b")).tolist() == [[2.0, 0.1], [5.0, 1.1]]


@pytest.mark.parametrize(
    "source",
    ["spirograph:", "spirograph:0", "spirograph:x", "spirograph:10:tset", "spirograph:10:targets=q"],
)
def test_a_misspelt_source_is_refused_with_the_right_spelling(source):
    with pytest.raises(ValueError, match="expected spirograph:COUNT"):
        load_images(source)


@pytest.mark.parametrize(
    ("table", "options"),
    [
        (torch.zeros(3, 9), {}),
        (torch.zeros(10), {}),
        (torch.zeros(3, 10, dtype=torch.int64), {}),
        (torch.zeros(3, 10), {"normalise": "rows"}),
        (torch.zeros(3, 10), {"size": 0}),
    ],
)
def test_parameters_that_cannot_be_rendered_are_refused(table, options):
    with pytest.raises(ValueError, match="expected"):
        render_spirograph(table, **options)
