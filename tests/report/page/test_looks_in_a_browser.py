"""The page at three widths, in both themes: the finding on the first screen, nothing beside the page, no end."""

import pytest

from holdfast.report import report

pytestmark = pytest.mark.browser
WIDTHS = {"phone": (390, 844), "tablet": (768, 1024), "desktop": (1280, 800)}


@pytest.fixture(scope="session")
def pages(full_runs, write_full, tmp_path_factory):
    """By what it is of: one encoder, two, eight, and one on images without labels."""
    root = tmp_path_factory.mktemp("pages")
    eight = [write_full(root / f"e{place}", "simclr", place, epochs=100 + place) for place in range(8)]
    bare = write_full(root / "bare", "simclr", 0)
    for name in ("balance", "memorization", "privacy"):
        (bare / "findings" / f"{name}.json").unlink()
    kinds = {"one": full_runs[:1], "two": full_runs, "eight": eight, "unlabelled": [bare]}
    return {name: report(folders, root / f"{name}.html") for name, folders in kinds.items()}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", ["one", "two", "eight", "unlabelled"])
def test_nothing_stands_beside_the_page(visit, pages, kind, width, theme):
    page = visit(pages[kind], *WIDTHS[width], theme=theme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    gaps = """cards => cards.flatMap(card => {
      const boxes = [...card.children].map(one => one.getBoundingClientRect());
      const ends = [...boxes.slice(1).map(box => box.top), card.getBoundingClientRect().bottom];
      return boxes.map((box, i) => ends[i] - box.bottom);
    })"""
    assert max(page.locator(".card").evaluate_all(gaps)) < 40, "a card with a hole"


@pytest.mark.parametrize("width", ["phone", "desktop"])
@pytest.mark.parametrize("kind", ["one", "two"])
def test_the_finding_is_on_the_first_screen(visit, pages, kind, width):
    page = visit(pages[kind], *WIDTHS[width])
    box = page.locator(".says").bounding_box()
    assert box["y"] + box["height"] < WIDTHS[width][1]
    assert page.locator(".evidence img").first.bounding_box()["y"] < WIDTHS[width][1]


@pytest.mark.parametrize("kind", ["one", "two", "eight", "unlabelled"])
def test_the_page_is_at_most_ten_thousand_pixels_long(visit, pages, kind):
    assert visit(pages[kind], 1280, 800).evaluate("document.body.scrollHeight") <= 10_000


def test_an_axis_shows_a_headline_a_picture_and_a_sentence_and_folds_its_tables(visit, pages):
    page = visit(pages["two"])
    for axis in ("quality", "balance", "tail", "robustness", "invariance", "memorization", "privacy"):
        part = page.locator(f"#{axis}")
        assert "SimCLR" in part.locator(".headline").inner_text()
        assert part.locator("figure svg:visible").count() == 1
        assert part.locator("table:visible").count() == 0
        part.locator("details summary").first.click()
        assert part.locator("table:visible").count() > 0


def test_text_and_picture_of_an_axis_do_not_overlap(visit, pages):
    for width, height in WIDTHS.values():
        page = visit(pages["two"], width, height)
        boxes = """parts => parts.map(part => [...part.children].map(one => one.getBoundingClientRect()))
          .filter(([a, b]) => b && a.right > b.left + 1 && a.bottom > b.top + 1).length"""
        assert page.locator(".gist").evaluate_all(boxes) == 0


def test_a_part_named_in_the_bar_opens_where_it_is_folded(visit, pages):
    page = visit(pages["two"])
    for name in ("training", "settings-and-cost", "sources"):
        page.locator(f"nav a[href='#{name}']").click()
        page.locator(f"#{name}").wait_for(state="visible")


def test_paper_shows_what_the_screen_folds(visit, pages):
    page = visit(pages["two"])
    table = page.locator("#scores-balance")
    assert not table.is_visible()
    page.emulate_media(media="print")
    assert table.evaluate(
        "table => table.getBoundingClientRect().height > 100 && table.checkVisibility({contentVisibilityAuto: true})"
    )
    assert page.locator("summary").first.evaluate("one => getComputedStyle(one).listStyleType") == "none"


def test_thirteen_names_on_the_map_differ_in_shape_or_colour(visit, pages):
    page = visit(pages["two"])
    kinds = "[...Array(13).keys()].map((i) => `${paletteColour(i, false)} ${shapeOf(i)}`)"
    assert len(set(page.evaluate(kinds))) == 13
