"""The map of the features in Debian's chromium: by pointer, by keyboard, by colour, and with ten thousand images."""

import pytest

from holdfast.atlas import Atlas
from holdfast.report import report

pytestmark = pytest.mark.browser


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
        "Distance to its 10th nearest training image",
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
    assert len(pictures) == len(labels) + 1
    page.locator("#map-legend button").first.click()
    assert page.locator("#map-legend button").first.get_attribute("aria-pressed") == "true"
    assert page.evaluate(pixels) not in pictures


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


def test_images_without_labels_have_a_map_and_galleries(visit, make_findings, full_runs, tmp_path):
    folder = make_findings(tmp_path / "unlabelled", name="unlabelled")
    (folder / "balance.json").unlink()
    atlas = Atlas.load(full_runs[0] / "findings", "test")
    Atlas(**vars(atlas) | {"labels": None, "classes": None, "groups": None}).save(folder, "test")
    page = visit(report([folder, full_runs[1]], tmp_path / "page.html"))
    assert page.locator("#seen-by").evaluate("select => select.selectedOptions[0].textContent") == "SDCLR"
    page.locator("#seen-by").select_option(label="unlabelled")
    assert page.locator("#map-colour option").all_inner_texts() == ["nothing"]
    assert page.locator("section.gallery:visible h3").all_inner_texts() == ["Near-duplicates among the test images"]
    page.locator("#g-twins-test summary").first.click()
    page.locator("#g-twins-test .tile button").first.click()
    assert page.locator("#image-title").inner_text() == "id 5"
