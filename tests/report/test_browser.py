"""The page in a real browser: no error, no request, players in step, and sliders that answer keys.

Without Chromium these tests are skipped; ``scripts/chromium.sh`` says how to get it.
"""

import pytest
from browser import browser, found
from report_content import look, report

from davsn.report.page import write_page

pytestmark = pytest.mark.skipif(found() is None, reason="there is no Chromium; scripts/chromium.sh installs it")


@pytest.fixture(scope="module", name="tab")
def _tab(tmp_path_factory):
    """The page of a small report in a browser of its own, with two players."""
    shown = look()
    shown = type(shown)(shown.name, [*shown.footage, *shown.footage], shown.behaviour, True)
    file = tmp_path_factory.mktemp("browser") / "page.html"
    write_page(report(looks=[shown]), file)
    with browser() as page:
        page.file = file
        yield page


@pytest.fixture(name="page")
def _page(tab):
    """The page opened anew, with its first player ready."""
    tab.look(1200, 900)
    tab.open(tab.file)
    tab.run("document.querySelector('.player').scrollIntoView()")
    tab.until("document.querySelector('.player').dataset.step === '0'")
    return tab


def images(page, player="player-0-0"):
    """Whether each image of a player is the one of the step that the player shows, by layer."""
    return page.run(f"""(() => {{
        const figure = document.getElementById('{player}');
        const {{ layers }} = JSON.parse(document.getElementById('{player}-content').textContent);
        return [...figure.querySelectorAll('img[data-layer]')].filter(image => image.dataset.layer)
            .map(image => [image.dataset.layer, image.complete && image.naturalWidth > 0
                && image.src === layers[image.dataset.layer][figure.dataset.step]]);
    }})()""")


def test_nothing_fails_and_nothing_is_requested(page):
    for number in range(2):
        cards = f"document.querySelectorAll('.cards')[{number}]"
        page.run(f"{cards}.scrollIntoView()")
        page.until(f"[...{cards}.querySelectorAll('img')].every(image => image.complete && image.naturalWidth)")
    assert page.console == []
    assert [address for address in page.requests if not address.startswith("data:image/")] == [page.file.as_uri()]


def test_all_images_of_a_player_step_together(page):
    page.run("document.querySelector('.time').focus()")
    for step in (1, 2):
        page.key("ArrowRight")
        page.until(f"document.querySelector('.player').dataset.step === '{step}'")
        shown = images(page)
        assert {layer for layer, _ in shown} == {"frame", "label", "mask0", "wrong0", "mask1", "wrong1"}
        assert all(right for _, right in shown)
        assert f"({step + 1} of 4)" in page.run("document.querySelector('.player output').textContent")
    assert page.run("document.querySelectorAll('.value')[2].textContent") == "confidence 80 %, flicker 4.0 %"
    assert page.run("document.getElementById('player-0-1').dataset.step ?? '0'") == "0"  # the other one stays


def test_keys_step_and_stop_at_the_ends(page):
    page.run("document.querySelector('.play').focus()")
    for key, step in ((",", 0), (".", 1), (".", 2), (".", 3), (".", 3), (",", 2)):
        page.key(key, key)
        page.until(f"document.querySelector('.player').dataset.step === '{step}'")
    assert page.run("document.querySelector('.time').value") == "2"


def test_the_border_between_the_sides_answers_keys(page):
    page.run("document.querySelector('.wipe').focus()")
    page.key("ArrowRight")
    page.key("ArrowRight")
    assert page.run("document.querySelector('.stage').style.getPropertyValue('--border')") == "54%"
    page.key("Home")
    assert page.run("getComputedStyle(document.querySelector('.side.right')).clipPath") == "inset(0px 0px 0px 0%)"


def test_each_side_shows_what_is_chosen(page):
    page.run("""(() => { const choice = document.querySelector('.choose-left');
        choice.value = '3'; choice.dispatchEvent(new Event('change')); })()""")
    page.until("document.querySelector('.left .over').src.startsWith('data:')")
    assert page.run("document.querySelector('.left').className") == "side left errors"
    assert page.run("document.querySelector('.left .over').dataset.layer") == "wrong0"
    assert all(right for _, right in images(page))


def test_play_goes_on_until_it_is_stopped(page):
    page.run("document.querySelector('.play').click()")
    page.until("document.querySelector('.player').dataset.step === '2'")
    page.run("document.querySelector('.play').click()")
    assert page.run("document.querySelector('.play').textContent") == "Play"


def test_a_card_opens_its_player_at_its_frame(page):
    page.run("[...document.querySelectorAll('.card')].at(8).scrollIntoView()")
    page.until("[...document.querySelectorAll('.card')].at(8).querySelector('img').naturalWidth")
    page.run("[...document.querySelectorAll('.card')].at(8).click()")
    page.until("document.querySelector('.player').dataset.step === '3'")
    assert page.run("document.activeElement.className") == "time"


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_in_both_themes(page, dark):
    page.look(1200, 900, dark)
    colours = page.run("""['h1', '.soft', 'td', 'small', '.badge', 'td.best', 'nav a'].map(name => {
        const of = getComputedStyle(document.querySelector(name)); return of.color; })""")
    ground = page.run("getComputedStyle(document.body).backgroundColor")
    assert all(contrast(colour, ground) >= 4.5 for colour in colours)


def contrast(one, other):
    """The contrast ratio of the Web Content Accessibility Guidelines, from 1 to 21."""

    def luminance(text):
        values = [int(value) / 255 for value in text.strip("rgb()").split(",")]
        linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_phone_shows_it_without_scrolling_sideways(page):
    page.look(360, 800)
    assert page.run("document.documentElement.scrollWidth") == 360
    assert page.run("document.querySelector('.stage').getBoundingClientRect().width") > 280
