"""Headless Chromium by its DevTools protocol: enough to fill in a form and to look at a page."""

import base64
import contextlib
import io
import itertools
import json
import os
import shutil
import subprocess
import time
import urllib.request

import psutil
import pytest
from PIL import Image
from websockets.sync.client import connect

CALM = """
window.requestAnimationFrame = draw => setTimeout(() => draw(performance.now()), 100);
window.cancelAnimationFrame = clearTimeout;
"""

_PRESSES = 40


class NeverCameError(AssertionError):
    """What a test waited for."""


def find_chromium():
    """The browser's path; a test without it is skipped, and fails under CI."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        missing = "chromium is not installed, the form was not filled in"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@contextlib.contextmanager
def open_browser(folder):
    """A page in a browser of its own, with its profile in `folder`."""
    quiet = ["gpu", "quic", "background-networking", "component-update", "sync"]
    process = subprocess.Popen(
        [
            *(find_chromium(), "--headless", "--no-sandbox", "--no-first-run"),
            *(f"--disable-{name}" for name in quiet),
            *(f"--user-data-dir={folder}", "--remote-debugging-port=0", "about:blank"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        place = folder / "DevToolsActivePort"
        wait_for(lambda: place.exists() and place.read_text().count("\n"))
        port = place.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            tab = next(tab for tab in json.load(answer) if tab["type"] == "page")
        with connect(tab["webSocketDebuggerUrl"], max_size=None) as socket:
            page = Page(socket)
            page.calm()
            yield page
    finally:
        process.terminate()
        process.wait()


class Page:
    """A tab of the browser."""

    def __init__(self, socket):
        self.socket = socket
        self.numbers = itertools.count(1)

    def calm(self):
        """Draw ten times a second: without a graphics card, sixty keep a core busy all the time."""
        self._send("Page.enable")
        self._send("Page.addScriptToEvaluateOnNewDocument", source=CALM)

    def open(self, address):
        """Go to an address."""
        self._send("Page.navigate", url=address)

    def run(self, script):
        """The value of a JavaScript expression."""
        answer = self._send("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, script):
        """Wait until a JavaScript expression is true."""
        wait_for(lambda: self.run(f"Boolean({script})"))

    def press(self, button, until, may=lambda: True):
        """Press a button until a JavaScript expression is true.

        A page that is busy loses a press, or closes between a look and a press: the button is
        pressed again where it is still there, nothing came of it for a while, and `may` agrees.
        """
        done = f"Boolean({until})"
        for _ in range(_PRESSES):
            if may():
                self.run(f"({done}) || ({button})?.click()")
            with contextlib.suppress(NeverCameError):
                return wait_for(lambda: self.run(done), 120 / _PRESSES)
        raise NeverCameError(f"nothing came of {_PRESSES} presses: {until}")

    def resize(self, width, height):
        """Make the page as large as that: what lies below is not in a screenshot."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._send("Emulation.setDeviceMetricsOverride", **size)

    def picture(self):
        """The page as it is seen now."""
        shown = self._send("Page.captureScreenshot", format="png")["data"]
        return Image.open(io.BytesIO(base64.b64decode(shown))).convert("RGB")

    def screenshot(self, path):
        """Save what is seen to a file, for a person to look at; an empty page is a failure."""
        picture = self.picture()
        assert colours(picture) > 100, f"there is nothing to see on {path.name}"
        path.parent.mkdir(exist_ok=True)
        picture.save(path)

    def _send(self, method, **parameters):
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == number:
                return answer["result"]


def colours(picture):
    """How many colours a picture has: one where nothing is drawn, hundreds where there is text."""
    return len(picture.getcolors(picture.width * picture.height))


def wait_for(found, seconds=120):
    """The first true value that `found` gives, in that time of a machine that is not overloaded.

    Where processes wait for a core, a second counts for what each of them has of it.
    """
    waited, before = 0.0, time.monotonic()
    while not (value := found()):
        if waited >= seconds:
            raise NeverCameError("it did not come")
        time.sleep(0.25)
        now = time.monotonic()
        waited += (now - before) / max(1.0, os.getloadavg()[0] / os.cpu_count())
        before = now
    return value


def is_there(process):
    """Whether a process runs; one that has ended and that nobody has asked for yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
