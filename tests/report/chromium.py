"""A page in a real, headless Chromium that is started anew for each look."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=10000",
    "--window-size=1280,2400",
)


PROBE = """<script>
// Bokeh draws inside shadow roots, which a dump of the DOM leaves out: look from within, write on the body.
const all = (root, selector) => [...root.querySelectorAll("*")].flatMap((element) => [
  ...(element.matches(selector) ? [element] : []),
  ...(element.shadowRoot ? all(element.shadowRoot, selector) : []),
])
const inked = (canvas) => canvas.width > 0 && canvas.height > 0 &&
  canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte !== 0)
setTimeout(() => {
  document.body.dataset.inked = all(document, "canvas").filter(inked).length
  const chart = all(document, ".bk-events")[0], box = chart.getBoundingClientRect()
  const where = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 }
  const mouse = { ...where, bubbles: true, composed: true, pointerType: "mouse", isPrimary: true }
  for (const name of ["pointerenter", "pointermove"]) chart.dispatchEvent(new PointerEvent(name, mouse))
}, 4000)
const shown = (child) => child.nodeName === "STYLE" ? "" : child.nodeType === Node.TEXT_NODE ? child.data :
  text(child) + (child.shadowRoot ? text(child.shadowRoot) : "")
const text = (node) => [...node.childNodes].map(shown).join("")
setTimeout(() => {
  const tips = all(document, ".bk-Tooltip")
  document.body.dataset.tooltip = tips.map((tip) => text(tip.shadowRoot ?? tip)).join(" ")
}, 5000)
</script>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the browser made of a page."""

    dom: str
    console: tuple[str, ...]
    canvases: int
    """Canvases that something was drawn on."""
    tooltip: str
    """What a pointer in the middle of the first chart is told."""


def browser() -> str:
    """Chromium's path; without one the test fails in CI and is skipped elsewhere."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing; run `make deps`")
        pytest.skip("Chromium is not installed; `make deps` installs it")
    return found


def look(page: str, folder: Path) -> Look:
    """Load the page and dump what it became, with every line that it wrote to the console."""
    file = folder / "page.html"
    file.write_text(page.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    done = subprocess.run(
        [browser(), *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    console = tuple(line for line in done.stderr.splitlines() if ":CONSOLE" in line)
    inked = re.search(r'data-inked="(\d+)"', done.stdout)
    tooltip = re.search(r'data-tooltip="([^"]*)"', done.stdout)
    assert inked, done.stderr
    assert tooltip, done.stderr
    return Look(dom=done.stdout, console=console, canvases=int(inked[1]), tooltip=unescape(tooltip[1]))
