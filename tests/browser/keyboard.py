"""Somebody without a mouse: everything is reached with Tab and worked with keys."""

from datetime import date
from pathlib import Path

from playwright.sync_api import Page

TABS = 40
"""Who has not arrived after so many steps passed by, or is not there yet."""

FOCUSED = """() => {
  const one = document.activeElement;
  const label = one.labels && one.labels[0] ? one.labels[0].innerText : "";
  return (label || one.innerText || one.getAttribute("aria-label") || "").trim().slice(0, 60);
}"""


class Keyboard:
    """Keys pressed in a page, from wherever its focus is."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.on("filechooser", lambda _chooser: None)  # or the first one may open before anybody listens
        self.passed: list[str] = []

    def to(self, label: str, *, back: bool = False) -> None:
        """Go on, or back, to the next control whose label begins so."""
        left = ""
        for _ in range(TABS):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            found: str = self.page.evaluate(FOCUSED)
            self.passed.append(found)
            if found.startswith(label) and (found != left or not left):
                return
            left = found
        raise AssertionError(f"{label!r} cannot be reached: {self.passed[-TABS - 60 :][:90]}"[:3000])

    def fill(self, label: str, text: str) -> None:
        """Type into a field in place of what it holds, and leave it."""
        self.to(label)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Tab")
        self.page.keyboard.press("Shift+Tab")

    def day(self, label: str, day: date) -> None:
        """Type a date."""
        self.to(label)
        self.page.keyboard.type(f"{day:%m%d%Y}")

    def choose(self, label: str, words: str) -> None:
        """Choose from a list by its first letters."""
        self.to(label)
        self.page.keyboard.type(words)

    def press(self, label: str, *, back: bool = False) -> None:
        """Press a button, or tick a box."""
        self.to(label, back=back)
        self.page.keyboard.press("Space")

    def send(self, label: str, file: Path) -> None:
        """Choose a file."""
        self.to(label)
        with self.page.expect_file_chooser() as chooser:
            self.page.keyboard.press("Enter")
        chooser.value.set_files(file)
