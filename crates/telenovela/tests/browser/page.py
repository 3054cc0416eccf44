"""Opens exported pages in a headless Chromium and looks at everything that a reader of the page relies on.

    page.py --find                 says which browser there is; exit code 3 where there is none
    page.py EVENING.html HOSTILE.html
                                   the second page holds lines that would be markup, if anything of a log could be

Needs playwright and pypdf. The browser is what BROWSER names, playwright's own, or one of the usual ones.
"""

import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

USUAL = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
]
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


def launch(playwright):
    """A headless Chromium, or None."""
    named = os.environ.get("BROWSER")
    found = [named] if named else [None] + [path for path in map(shutil.which, USUAL) if path]
    for path in found:
        try:
            # A container's root has no sandbox; the pages are ours.
            return playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except Error:
            continue
    return None


class Audience:
    """A page with everything that went wrong on it."""

    def __init__(self, browser, path, **options):
        self.context = browser.new_context(**({"viewport": WIDE} | options))
        self.page = self.context.new_page()
        self.faults = []
        self.requests = []
        page = self.page
        page.on("console", lambda said: self.faults.append(f"console: {said.text}"))
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self.requests.append(request.url))
        self.url = Path(path).resolve().as_uri()
        if options.get("java_script_enabled", True):
            page.add_init_script(
                "window.violations = []; addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective + ' ' + e.blockedURI));"
            )
        page.goto(self.url)

    def __enter__(self):
        return self.page

    def __exit__(self, failed, *_):
        if not failed:
            assert self.faults == [], self.faults
            assert self.requests == [self.url], self.requests
            if self.page.evaluate("typeof violations") != "undefined":
                violations = self.page.evaluate("violations")
                assert violations == [], violations
        self.context.close()


def squeezed(text):
    return re.sub(r"\s+", "", text)


def data_of(page):
    return json.loads(page.locator("#performance").text_content())


def words_of(page):
    """What is said, in order."""
    return page.locator(".words").all_text_contents()


def clock_of(page):
    return float(page.locator("#seek").input_value())


def seek(page, ms):
    page.evaluate("ms => { const seek = document.getElementById('seek'); seek.value = ms; seek.dispatchEvent(new Event('input')); }", ms)


def wait_for_the_end(page):
    # Not with wait_for_function: what it evaluates in the page is against the page's policy.
    page.locator("#play[aria-label=Play]").wait_for(timeout=120_000)


def is_visible(page, selector):
    return page.locator(selector).first.is_visible()


def reads_without_a_script(browser, path):
    with Audience(browser, path, java_script_enabled=False) as page:
        assert page.locator(".line").count() > 5
        for line in page.locator(".line, .beat-title, .note, .end").all():
            assert line.is_visible(), line.text_content()
        assert not is_visible(page, ".desk") and not is_visible(page, "#raise")
        assert is_visible(page, ".programme .arc")


def performs(browser, path):
    """The whole performance, sixteen times as fast."""
    with Audience(browser, path) as page:
        words = words_of(page)
        said_at_once = "".join(words)
        page.select_option("#speed", "16")
        # Steps as they appear, in the order in which they do; and how much of a line was there at some time.
        page.evaluate(
            """() => {
              window.appeared = [];
              window.typed = [];
              const steps = [...document.querySelectorAll('.step')];
              const watcher = new MutationObserver((changes) => {
                for (const change of changes) {
                  const step = change.target;
                  if (change.type === 'attributes' && step.matches('.step') && /\\blater\\b/.test(change.oldValue) && !step.classList.contains('later')) appeared.push(steps.indexOf(step));
                }
                const unsaid = document.querySelector('.now .unsaid');
                if (unsaid) typed.push([unsaid.parentElement.textContent, unsaid.textContent]);
              });
              watcher.observe(document.getElementById('script'), { subtree: true, childList: true, attributes: true, attributeFilter: ['class'], attributeOldValue: true });
            }"""
        )
        # Looked at in the same moment, however slow the machine is: the first line has its silence before it, and nothing else is there yet.
        there = page.evaluate(
            "() => { document.getElementById('raise').click(); return [document.getElementById('play').ariaLabel, [...document.querySelectorAll('.line')].filter((line) => line.checkVisibility()).length]; }"
        )
        assert there[0] == "Pause" and there[1] <= 1, there
        wait_for_the_end(page)
        appeared = page.evaluate("appeared")
        n_steps = page.locator(".step").count()
        # What is there from the beginning never appears.
        first = sum(step["at"] == 0 for step in data_of(page)["steps"])
        assert appeared == list(range(first, n_steps)), appeared
        assert words_of(page) == words and "".join(words) == said_at_once
        typed = page.evaluate("typed")
        assert all(whole in words for whole, _ in typed), typed
        partly = [whole for whole, unsaid in typed if 0 < len(unsaid) < len(whole)]
        # A slow machine draws few frames; of some line it has seen a part.
        assert partly, typed
        assert clock_of(page) == data_of(page)["end"]
        assert page.locator(".end").is_visible() and page.locator("#live").text_content().strip()


def obeys(browser, path):
    """Every control, by mouse and by key."""
    with Audience(browser, path) as page:
        data = data_of(page)
        lines = [step for step in data["steps"] if "line" in step]
        words = words_of(page)
        page.click("#raise")
        while clock_of(page) == 0:
            page.wait_for_timeout(50)
        # Space pauses, and time stands still.
        page.locator("#script").focus()
        page.keyboard.press("Space")
        still = clock_of(page)
        page.wait_for_timeout(200)
        assert clock_of(page) == still and page.get_attribute("#play", "aria-label") == "Play"
        # A slider, a line, keys: each leads to its time, and what comes later is not there.
        seek(page, lines[3]["line"]["words"] + 1)
        assert page.locator(".line:visible").count() == 4
        page.locator("#line-1 .words").click()
        assert page.locator(".now").get_attribute("id") == "line-1"
        assert page.locator(".line:visible").count() == 2
        assert page.locator("#line-1 .words").text_content() == words[1]
        page.keyboard.press("ArrowRight")
        assert page.locator(".now").get_attribute("id") == "line-2"
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        assert page.locator(".now").get_attribute("id") == "line-0"
        page.keyboard.press("End")
        assert clock_of(page) == data["end"] and page.locator(".end").is_visible()
        page.keyboard.press("Home")
        assert clock_of(page) == 0 and page.locator(".line:visible").count() <= 1
        page.locator("#line-0 .cue a").click()
        assert page.url == Path(path).resolve().as_uri()
        for key, speed in [("+", "2"), ("+", "4"), ("-", "2")]:
            page.keyboard.press(key)
            assert page.locator("#speed").input_value() == speed
        page.locator(".beats a").last.click()
        assert clock_of(page) == [step["at"] for step in data["steps"] if "beat" in step][-1]
        browses_takes(page, lines)
        # Reading: everything is there, whatever the time.
        seek(page, 0)
        page.click("#read")
        assert page.get_attribute("#read", "aria-pressed") == "true"
        assert page.locator(".line:visible").count() == len(lines)
        # Dark and light.
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        page.click("#theme")
        dark = page.evaluate(ground)
        assert dark != light
        page.keyboard.press("d")
        assert page.evaluate(ground) == light
        # The keys are told, and those of a single character can be switched off.
        page.keyboard.press("?")
        assert page.locator("#help").is_visible()
        page.locator("#letters").uncheck()
        page.click("#help-close")
        page.keyboard.press("d")
        assert page.evaluate(ground) == light
        # Every control is reached by Tab, and one sees where one is.
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        reached = set()
        wanted = {"seek", "previous", "play", "next", "speed", "takes", "read", "theme", "keys"}
        for _ in range(400):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id"))
            outline = page.evaluate("[document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle]")
            assert outline[0] in ("BODY", "HTML") or outline[1] != "none", outline
            if wanted <= reached:
                break
        assert wanted <= reached, reached


def browses_takes(page, lines):
    """The takes of a line, with their score cards."""
    index = next(i for i, step in enumerate(lines) if len(step["line"].get("takes", [])) > 1)
    line = lines[index]["line"]
    takes, kept = line["takes"], line["kept"]
    seek(page, line["words"])
    page.click("#takes")
    said = page.locator(".takes .said")
    assert takes[kept]["text"] in said.text_content()
    assert page.locator(".takes h3").text_content() == f"Take {kept + 1} of {len(takes)}, kept"
    # Who looks into a line has it whole.
    assert page.locator(f"#line-{index} .unsaid").count() == 0
    for _ in takes:
        page.keyboard.press("ArrowRight")
        kept = (kept + 1) % len(takes)
        assert takes[kept]["text"] in said.text_content()
        total = page.locator(".takes .total .value").text_content()
        assert abs(float(total) - takes[kept]["score"]["total"]) < 0.006, total
    page.locator(".chips button").last.click()
    assert takes[-1]["text"] in said.text_content()
    page.keyboard.press("Escape")
    assert page.locator(".takes").count() == 0
    page.locator(f"#line-{index}").hover()
    page.locator(f"#line-{index} .takes-of").click()
    assert page.locator(".takes").count() == 1
    page.get_by_role("button", name="Close the takes").click()
    assert page.locator(".takes").count() == 0


def is_calm(browser, path):
    """Who wants no motion gets each line at once, and no lightning."""
    with Audience(browser, path, reduced_motion="reduce") as page:
        lines = [step["line"] for step in data_of(page)["steps"] if "line" in step]
        words = words_of(page)
        page.select_option("#speed", "16")
        page.evaluate("window.struck = false; new MutationObserver(() => { struck ||= document.documentElement.classList.contains('struck'); }).observe(document.documentElement, { attributes: true })")
        seek(page, lines[2]["words"])
        assert page.locator("#line-2 .words").text_content() == words[2]
        assert page.locator("#line-2 .unsaid").text_content() == ""
        page.click("#play")
        wait_for_the_end(page)
        assert page.evaluate("struck") is False
        assert page.evaluate("document.getAnimations().length") == 0


def is_told(page):
    """Names, headings, landmarks, language: what a screen reader goes by."""
    session = page.context.new_cdp_session(page)
    nodes = [node for node in session.send("Accessibility.getFullAXTree")["nodes"] if not node.get("ignored")]
    roles = [node["role"]["value"] for node in nodes]
    for landmark in ["banner", "main", "complementary", "region"]:
        assert landmark in roles, landmark
    for node in nodes:
        if node["role"]["value"] in ("button", "link", "slider", "combobox", "checkbox", "region", "complementary", "img", "dialog", "group"):
            # An image may be told by what stands beside it; ours all have names.
            assert node.get("name", {}).get("value", "").strip(), node
    levels = page.eval_on_selector_all("h1, h2, h3, h4", "all => all.filter(h => h.checkVisibility()).map(h => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1, levels
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:])), levels
    assert page.get_attribute("html", "lang") == "en" and page.get_attribute("main", "lang")
    ids = page.eval_on_selector_all("[id]", "all => all.map(e => e.id)")
    assert len(ids) == len(set(ids)), "an id is there twice"
    assert page.get_attribute("#live", "aria-live") == "polite"


# Contrast of every text with what is behind it, as WCAG 2.1 counts it. The glow over the ground is taken at its brightest.
CONTRAST = """() => {
  const parse = (color) => color.match(/[\\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], under) => [r, g, b].map((v, i) => v * a + under[i] * (1 - a));
  const luminance = (color) => {
    const [r, g, b] = color.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const probe = document.createElement('i');
  probe.style.color = 'var(--glow)';
  document.body.append(probe);
  const glow = parse(getComputedStyle(probe).color);
  probe.remove();
  const ground = parse(getComputedStyle(document.body).backgroundColor).slice(0, 3);
  const lit = over([...glow.slice(0, 3), (glow[3] ?? 1) * 0.26], ground);
  const poor = [];
  let checked = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest('script, style, .unseen, .skip, option')) continue;
    // Before the curtain, velvet at its brightest.
    let behind = element.closest('.bill') && !document.documentElement.classList.contains('raised') ? [[141, 29, 43]] : [ground, lit];
    for (let e = element; e && e !== document.body; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor);
      if ((color[3] ?? 1) > 0.5) { behind = [color.slice(0, 3)]; break; }
    }
    const ink = parse(getComputedStyle(element).color);
    const worst = Math.min(...behind.map((b) => ratio(over(ink, b), b)));
    checked++;
    if (worst < 4.5) poor.push(`${worst.toFixed(2)} ${element.className || element.tagName}: ${walker.currentNode.textContent.trim().slice(0, 40)}`);
  }
  return { checked, poor };
}"""


def is_told_and_read(browser, path):
    for scheme in ["light", "dark"]:
        with Audience(browser, path, color_scheme=scheme, reduced_motion="reduce") as page:
            is_told(page)
            contrast = page.evaluate(CONTRAST)
            assert contrast["checked"] > 50 and contrast["poor"] == [], contrast["poor"]
            index = next(i for i, step in enumerate(s for s in data_of(page)["steps"] if "line" in s) if step["line"].get("takes"))
            page.locator(f"#line-{index}").hover()
            page.locator(f"#line-{index} .takes-of").click()
            is_told(page)
            end = data_of(page)["end"]
            for share in [0.5, 1]:
                seek(page, end * share)
                contrast = page.evaluate(CONTRAST)
                assert contrast["poor"] == [], contrast["poor"]


def fits(browser, path):
    """Nothing sticks out sideways, and fingers hit what they aim at."""
    for width in [320, 390, 800, 1280]:
        with Audience(browser, path, viewport={"width": width, "height": 740}, has_touch=width < 500, is_mobile=width < 500) as page:
            for share in [0, 0.6, 1]:
                seek(page, data_of(page)["end"] * share)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, width
            for button in page.locator(".desk button:visible, .desk select").all():
                box = button.bounding_box()
                assert box["height"] >= 24 and box["width"] >= 24, (button.inner_text(), box)
                assert box["x"] >= 0 and box["x"] + box["width"] <= width, (button.inner_text(), box)
            if width < 1000:
                page.click("#programme-button")
                assert page.locator("#programme").is_visible()
                page.keyboard.press("Escape")
                assert not page.locator("#programme").is_visible()


def prints(browser, path):
    """On paper: all of the script, none of the controls, whatever the page is at."""
    from pypdf import PdfReader

    with Audience(browser, path, color_scheme="dark") as page, tempfile.TemporaryDirectory() as folder:
        words = words_of(page)
        names = page.locator(".cue a").all_text_contents()
        seek(page, data_of(page)["end"] * 0.3)
        file = Path(folder) / "evening.pdf"
        page.pdf(path=file)
        text = squeezed("".join(sheet.extract_text() for sheet in PdfReader(file).pages))
        at = 0
        for name, said in zip(names, words):
            for piece in (squeezed(name).upper(), squeezed(said)):
                found = text.upper().find(piece.upper(), at)
                assert found >= 0, (piece, text[at : at + 300])
                at = found + len(piece)
        for control in ["Programme", "Raisethecurtain", "Looseends"]:
            assert control not in text, control
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.querySelector('.words')).color") == "rgb(0, 0, 0)"


def says_markup_as_text(browser, path):
    """Lines that look like markup are said as they stand, and do nothing."""
    with Audience(browser, path) as page:
        hostile = "</script><img src=x onerror=alert(1)><!-- \"' &amp; שלום 👩‍👩‍👧 "
        assert any(said.startswith(hostile.strip()) for said in words_of(page)), words_of(page)
        assert page.locator("img, iframe, object, embed, link, base, form").count() == 0
        assert page.locator("script").count() == 2
        page.select_option("#speed", "16")
        page.click("#raise")
        wait_for_the_end(page)
        # A word without an end stays within the page.
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDE["width"]


def main():
    with sync_playwright() as playwright:
        browser = launch(playwright)
        if browser is None:
            print("no Chromium", file=sys.stderr)
            return 3
        if sys.argv[1:] == ["--find"]:
            print(f"Chromium {browser.version}")
            return 0
        evening, hostile = sys.argv[1:]
        for check in [reads_without_a_script, performs, obeys, is_calm, is_told_and_read, fits, prints]:
            check(browser, evening)
            print(f"{check.__name__}: ok", flush=True)
        says_markup_as_text(browser, hostile)
        print(f"{says_markup_as_text.__name__}: ok in Chromium {browser.version}")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
