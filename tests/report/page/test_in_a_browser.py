"""The page in Debian's chromium, from a file: what a reader does with it, and that it asks for nothing."""

import numpy as np
import pytest

from holdfast.atlas import cut
from holdfast.report import report
from holdfast.report.collect import collect
from holdfast.report.images.pictures import gather
from holdfast.report.listed import READERS

pytestmark = pytest.mark.browser
NASTY = "<script>alert('x')</script>", 'quo"te', "new\nline", "\u202eright to left", "🐈 cat"


def captions(gallery):
    return gallery.locator(".tile small").all_inner_texts()


def names(gallery):
    return gallery.locator(".tile bdi").all_inner_texts()


def test_it_opens_whole_and_nothing_jumps(visit, full_page):
    page = visit(full_page)
    assert page.locator(".card").count() == 7
    assert page.locator("section.gallery").count() >= 7
    shift = """() => new Promise((done) => {
      let sum = 0;
      new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; })
        .observe({ type: "layout-shift", buffered: true });
      setTimeout(() => done(sum), 300);
    })"""
    assert page.evaluate(shift) < 0.02


def test_a_table_sorts_by_click_and_by_keyboard(visit, full_page):
    page = visit(full_page, unfold=True)
    head = page.locator("#per-class thead th").nth(1)
    cells = "#per-class tbody td:nth-child(2) bdi"
    head.locator("button").click()
    counts = [int(text.replace(",", "")) for text in page.locator(cells).all_inner_texts()]
    assert counts == sorted(counts) and head.get_attribute("aria-sort") == "ascending"
    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert [int(t.replace(",", "")) for t in page.locator(cells).all_inner_texts()] == sorted(counts, reverse=True)
    assert page.locator("#said").inner_text() == "Sorted by Training images, descending"


def test_a_table_can_be_copied(visit, full_page):
    page = visit(full_page, unfold=True)
    page.locator("button[data-copy=per-class]").click()
    page.locator("button[data-copy=per-class]:text('Copied')").wait_for()


def test_a_gallery_filters_sorts_and_shows_more(visit, full_page):
    gallery = visit(full_page, unfold=True).locator("#g-most-memorised")
    values = [float(text.replace("−", "-")) for text in captions(gallery)]
    assert len(values) == 16 and values == sorted(values, reverse=True)
    gallery.get_by_role("button", name="Show more").click()
    assert len(captions(gallery)) > 16
    gallery.get_by_label("Class", exact=True).select_option(label="cat")
    assert set(names(gallery)) == {"cat"}
    gallery.get_by_label("Class", exact=True).select_option(label="all")
    gallery.get_by_role("button", name="Largest first").click()
    values = [float(text.replace("−", "-")) for text in captions(gallery)]
    assert values == sorted(values)
    gallery.get_by_label("Sort by", exact=True).select_option(label="Memorization difference")
    values = [float(text.replace("−", "-")) for text in captions(gallery)]
    assert values == sorted(values)


def test_a_click_shows_an_image_with_its_numbers_and_neighbours(visit, full_page):
    page = visit(full_page, unfold=True)
    tile = page.locator("#g-least-stable .tile button").first
    tile.click()
    dialog = page.locator("#image")
    text = dialog.locator("dl").inner_text()
    assert all(said in text for said in ("Stability (whitened cosine)", "Taken for", "Linear probe", "Seen by"))
    assert dialog.locator("ul .tile").count() == 6
    title = page.locator("#image-title").inner_text()
    dialog.locator("ul .tile button").nth(2).click()
    assert dialog.locator("dl dd").first.inner_text() not in text.splitlines()[1]
    page.locator("#image-back").click()
    assert page.locator("#image-title").inner_text() == title
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert tile.evaluate("button => button === document.activeElement")


def test_every_thumbnail_is_that_of_its_image(visit, full_page, full_runs):
    page, pictures = visit(full_page, unfold=True), gather(collect(full_runs), READERS)
    while not page.evaluate("() => sheet !== null"):
        page.wait_for_timeout(50)
    seen = page.locator(".gallery canvas").evaluate_all(
        "all => all.map((one) => [one.index, ...one.getContext('2d').getImageData(16, 16, 1, 1).data])"
    )
    tiles = cut(pictures.sheet, pictures.count, pictures.tile, pictures.across)
    index, colours = np.array(seen)[:, 0], np.array(seen)[:, 1:4]
    assert len(set(index)) > 50
    assert np.abs(tiles[index, 16, 16].astype(int) - colours).max() < 12


def test_what_broke_first_stands_beside_the_attack(visit, full_page):
    page = visit(full_page)
    gallery = page.locator("#g-first-broken")
    assert gallery.locator(".tile").first.locator("img").count() == 2
    assert "change × 63.8" in gallery.locator(".tile").first.inner_text()
    sizes = gallery.locator("img").evaluate_all("images => images.map((image) => image.naturalWidth)")
    assert set(sizes) == {32}


def test_another_encoder_sees_other_images(visit, full_page):
    page = visit(full_page)
    gallery = page.locator("#g-most-memorised")
    before, title = captions(gallery), page.locator("#map-note").inner_text()
    page.locator("#seen-by").select_option(label="SDCLR")
    assert captions(gallery) != before
    assert page.locator("#map-note").inner_text() != title


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_follows_the_system_and_the_button(visit, full_page, theme):
    page = visit(full_page, theme=theme)
    ground = "() => getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    assert (before == "rgb(255, 255, 255)") == (theme == "light")
    page.locator("#theme").click()
    assert (page.evaluate(ground) == "rgb(255, 255, 255)") == (theme == "dark")


@pytest.mark.parametrize("width", [390, 820])
def test_it_can_be_read_on_a_narrow_screen(visit, full_page, width):
    page = visit(full_page, width=width, height=844, unfold=True)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    tiles = page.locator("#g-most-memorised .tile")
    boxes = [tiles.nth(i).bounding_box() for i in range(4)]
    assert all(box["x"] + box["width"] <= width for box in boxes)
    tiles.first.locator("button").click()
    box = page.locator("#image").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width


def test_it_can_be_used_by_keyboard_alone(visit, full_page):
    page = visit(full_page, unfold=True)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "theme"
    nameless = """() => [...document.querySelectorAll("button, select, a, canvas, [role=region], [role=img]")]
      .filter((one) => !one.closest("[aria-hidden]"))
      .filter((one) => one.offsetParent && !one.closest("[hidden]"))
      .filter((one) => !(one.ariaLabel || one.getAttribute("aria-labelledby") || one.labels?.length))
      .filter((one) => !one.textContent.trim())
      .map((one) => one.outerHTML.slice(0, 80))"""
    assert page.evaluate(nameless) == []
    page.locator("#g-rarest .tile button").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#image").is_visible()


def test_it_prints(visit, full_page):
    page = visit(full_page)
    page.emulate_media(media="print")
    assert not page.locator("#theme").is_visible()
    assert not page.locator("button.copy").first.is_visible()
    assert not page.locator("#g-most-memorised .controls").is_visible()
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF") and 50_000 < len(printed) < 20_000_000


def test_names_and_labels_show_as_text(visit, make_full_run, tmp_path):
    classes = (*NASTY, "f", "g", "h", "i", "j")
    paths = tuple(f"{NASTY[i % 5]}/{i}.png" for i in range(200))
    run = make_full_run(tmp_path / "nasty", "simclr", 0, classes=classes, paths=paths, per_class=20)
    page = visit(report([run], tmp_path / "page.html"), unfold=True)
    gallery = page.locator("#g-most-memorised")
    options = gallery.get_by_label("Class", exact=True).locator("option").all_inner_texts()
    assert options[1:6] == [name.replace("\n", "␊").replace("\u202e", "\\u202e") for name in NASTY]
    gallery.get_by_label("Class", exact=True).select_option(index=1)
    assert set(names(gallery)) == {NASTY[0]}
    page.locator("#g-least-stable .tile button").first.click()
    assert any(name.replace("\n", "␊") in page.locator("#image dl").inner_text() for name in NASTY)
    assert page.locator("script").count() == 2


def test_a_script_that_is_not_the_pages_own_does_not_run(chromium, full_page):
    page = chromium.new_page()
    page.goto(full_page.as_uri())
    page.evaluate(
        """() => {
      const own = document.createElement("script");
      own.textContent = "window.ran = true";
      document.body.append(own);
      const image = document.createElement("img");
      image.setAttribute("onerror", "window.ran = true");
      image.src = "data:,";
      document.body.append(image);
    }"""
    )
    page.wait_for_timeout(100)
    assert page.evaluate("window.ran") is None
    page.close()
