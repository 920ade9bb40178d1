"""The page in Debian's chromium, from a file: what a reader does with it, and that it asks for nothing."""

import os
import re
import shutil

import pytest

from holdfast.report import report

pytestmark = pytest.mark.browser
CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
NASTY = "<script>alert('x')</script>", 'quo"te', "new\nline", "\u202eright to left", "🐈 cat"


@pytest.fixture(scope="session")
def chromium():
    """A browser with a profile of its own, new and empty; in continuous integration it has to be there."""
    wanted = bool(os.environ.get("CI"))
    if not wanted:
        pytest.importorskip("playwright", reason="playwright is not installed")
    if CHROMIUM is None and not wanted:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None, "expected chromium, got none: apt-get install chromium"
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def full_page(full_runs, tmp_path_factory):
    return report(full_runs, tmp_path_factory.mktemp("page") / "page.html")


@pytest.fixture
def visit(chromium):
    """Opens a page and gives it; at the end nothing may have gone wrong and no address been asked for."""
    contexts, wrong, asked = [], [], []

    def open_(path, width=1280, height=900, theme="light"):
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []
    assert [address[:80] for address in asked if not re.match(r"file:.*\.html(#.*)?$|data:", address)] == []


def captions(gallery):
    return gallery.locator(".tile small").all_inner_texts()


def names(gallery):
    return gallery.locator(".tile bdi").all_inner_texts()


def test_it_opens_whole_and_nothing_jumps(visit, full_page):
    page = visit(full_page)
    assert page.locator(".card").count() == 6
    assert page.locator("section.gallery").count() >= 7
    shift = """() => new Promise((done) => {
      let sum = 0;
      new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; })
        .observe({ type: "layout-shift", buffered: true });
      setTimeout(() => done(sum), 300);
    })"""
    assert page.evaluate(shift) < 0.02


def test_a_table_sorts_by_click_and_by_keyboard(visit, full_page):
    page = visit(full_page)
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
    page = visit(full_page)
    page.locator("button[data-copy=per-class]").click()
    page.locator("button[data-copy=per-class]:text('Copied')").wait_for()


def test_a_gallery_filters_sorts_and_shows_more(visit, full_page):
    gallery = visit(full_page).locator("#g-most-memorised")
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
    page = visit(full_page)
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


def test_what_broke_first_stands_beside_the_attack(visit, full_page):
    page = visit(full_page)
    gallery = page.locator("#g-first-broken")
    assert gallery.locator(".tile").first.locator("img").count() == 2
    assert "change × 63.8" in gallery.locator(".tile").first.inner_text()
    sizes = gallery.locator("img").evaluate_all("images => images.map((image) => image.naturalWidth)")
    assert set(sizes) == {32}


def test_the_map_shows_the_image_under_the_pointer(visit, full_page):
    page = visit(full_page)
    page.locator("#map").scroll_into_view_if_needed()
    box, tip = page.locator("#map").bounding_box(), page.locator("#map-tip")
    for step in range(400):
        page.mouse.move(
            box["x"] + box["width"] * (0.2 + 0.03 * (step % 20)), box["y"] + 0.05 * box["height"] * (step // 20)
        )
        if tip.is_visible():
            break
    assert tip.is_visible()
    assert tip.locator("bdi").inner_text() in page.locator("#map-legend").inner_text()
    shown = tip.inner_text().split("id ")[1].split()[0]
    page.mouse.down()
    page.mouse.up()
    assert page.locator("#image dl dd").first.inner_text() == shown


def test_the_map_goes_by_keyboard_and_says_where_it_is(visit, full_page):
    page = visit(full_page)
    page.locator("#map").focus()
    seen = set()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown"):
        page.keyboard.press(key)
        seen.add(page.locator("#said").inner_text())
    assert len(seen) >= 4 and all("id " in said for said in seen)
    page.keyboard.press("Enter")
    assert page.locator("#image").is_visible()


def test_the_map_can_be_coloured_by_what_was_measured(visit, full_page):
    page = visit(full_page)
    labels = page.locator("#map-colour option").all_inner_texts()
    assert labels == [
        "Class",
        "Group by training images",
        "Linear probe",
        "Under attack",
        "Stability (whitened cosine)",
    ]
    pixels = "() => document.getElementById('map').toDataURL()"
    pictures = {page.evaluate(pixels)}
    for label in labels[1:]:
        page.locator("#map-colour").select_option(label=label)
        pictures.add(page.evaluate(pixels))
    page.locator("#map-set").select_option(index=1)
    assert "Memorization ratio" in page.locator("#map-colour").inner_text()
    pictures.add(page.evaluate(pixels))
    assert len(pictures) == 6
    page.locator("#map-legend button").first.click()
    assert page.locator("#map-legend button").first.get_attribute("aria-pressed") == "true"
    assert page.evaluate(pixels) not in pictures


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
    page = visit(full_page, width=width, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    tiles = page.locator("#g-most-memorised .tile")
    boxes = [tiles.nth(i).bounding_box() for i in range(4)]
    assert all(box["x"] + box["width"] <= width for box in boxes)
    tiles.first.locator("button").click()
    box = page.locator("#image").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width


def test_it_can_be_used_by_keyboard_alone(visit, full_page):
    page = visit(full_page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "theme"
    nameless = """() => [...document.querySelectorAll("button, select, a, canvas, [role=region], [role=img]")]
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
    page = visit(report([run], tmp_path / "page.html"))
    gallery = page.locator("#g-most-memorised")
    options = gallery.get_by_label("Class", exact=True).locator("option").all_inner_texts()
    assert options[1:6] == [name.replace("\n", "␊") for name in NASTY]
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


def test_ten_thousand_images_stay_smooth(visit, large_page):
    page = visit(large_page)
    page.locator("#map").scroll_into_view_if_needed()
    moves = """() => {
      const map = document.getElementById("map"), box = map.getBoundingClientRect(), start = performance.now();
      for (let i = 0; i < 200; i++) {
        map.dispatchEvent(new PointerEvent("pointermove", {
          clientX: box.left + ((i * 37) % 100) / 100 * box.width,
          clientY: box.top + ((i * 61) % 100) / 100 * box.height,
        }));
      }
      return (performance.now() - start) / 200;
    }"""
    assert page.evaluate(moves) < 16
    repaint = """() => {
      const start = performance.now(), colour = document.getElementById("map-colour");
      colour.value = "correct";
      colour.dispatchEvent(new Event("change"));
      return performance.now() - start;
    }"""
    assert page.evaluate(repaint) < 400
