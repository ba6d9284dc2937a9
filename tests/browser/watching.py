"""A browser that notes every complaint and every request of a page, and the JupyterLab it looks at."""

import secrets
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Route

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const channel = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const colour = rgba(getComputedStyle(node).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || node.closest("svg") || !node.checkVisibility()) continue;
    const [a, b] = [light(rgba(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) found.push([node.tagName, node.className, node.textContent.slice(0, 30), ratio]);
  }
  return found;
}"""


class Watched:
    """A page whose every complaint and every request beyond this machine is noted."""

    def __init__(self, context: BrowserContext, allowed: str) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self._allowed = allowed
        self.page.route("**/*", self._gate)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def _gate(self, route: Route) -> None:
        if route.request.url.startswith((self._allowed, "data:", "blob:")):
            route.continue_()
        else:
            self.requests.append(route.request.url)
            route.abort()


@dataclass
class Served:
    """A JupyterLab that listens on this machine.

    Attributes:
        said: everything it wrote, once it has ended.
    """

    url: str
    token: str
    said: list[str] = field(default_factory=list)

    def open(self, watched: Watched, notebook: str) -> None:
        """Open a notebook on its own and wait for its kernel."""
        watched.page.goto(f"{self.url}/doc/tree/{notebook}?token={self.token}&reset")
        watched.page.get_by_text("(ipykernel) | Idle").wait_for()


@contextmanager
def serving(command: list[str], environment: Mapping[str, str], port: int) -> Iterator[Served]:
    """JupyterLab, as prepared by `lab.prepared`, from when it listens until it has ended."""
    served = Served(f"http://127.0.0.1:{port}", secrets.token_hex(16))
    line = [*command, "--no-browser", "--LabApp.expose_app_in_browser=True"]
    with subprocess.Popen(
        line,
        env={**environment, "JUPYTER_TOKEN": served.token},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            _wait_until_up(server, served)
            yield served
        finally:
            server.terminate()
            served.said.append(server.communicate()[0])


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def run_all(page: Page) -> None:
    """Run all cells of the notebook that is open."""
    # A promise that is given back is awaited without any limit
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")


def save(page: Page) -> None:
    """Save the notebook that is open."""
    page.evaluate("() => { window.done = window.jupyterapp.commands.execute('docmanager:save') }")
    page.wait_for_function("() => window.done.then(() => true)")


def _wait_until_up(server: subprocess.Popen[str], served: Served) -> None:
    assert server.stdout is not None
    for line in server.stdout:
        served.said.append(line)
        if "is running at" in line:
            return
    pytest.fail("JupyterLab did not start")
