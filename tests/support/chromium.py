"""Headless Chromium over the DevTools protocol: a page is opened, driven with keys, and looked at."""

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from itertools import count

import pytest
from websockets.sync.client import connect

from debian import install

NAMES = ("chromium", "chromium-browser", "google-chrome")
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
WAIT = 300  # seconds; a busy machine starts a browser slowly


class Page:
    def __init__(self, socket):
        self.socket, self.numbers, self.errors = socket, count(1), []
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **parameters):
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (said := json.loads(self.socket.recv(timeout=WAIT))).get("id") != number:
            self.heard(said)
        assert "error" not in said, said["error"]
        return said["result"]

    def heard(self, said):
        """An error of a script, or what the page was kept from loading, fails the test that looks at it."""
        if said["method"] == "Runtime.exceptionThrown":
            self.errors.append(said["params"]["exceptionDetails"])
        elif said["method"] == "Log.entryAdded" and said["params"]["entry"]["level"] == "error":
            self.errors.append(said["params"]["entry"]["text"])

    def open(self, path):
        self.ask("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def value(self, expression):
        said = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    def wait(self, expression):
        end = time.monotonic() + WAIT
        while not self.value(expression):
            assert time.monotonic() < end, f"{expression} did not become true in {WAIT} s"
            time.sleep(0.05)

    def text(self, selector):
        return self.value(f"document.querySelector({json.dumps(selector)}).innerText")

    def texts(self, selector):
        return self.value(f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.innerText)")

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key)

    def click(self, selector):
        self.value(f"document.querySelector({json.dumps(selector)}).click()")

    def choose(self, selector, value):
        """As a person who picks an option or fills in a field."""
        self.value(
            f"""{{
                const field = document.querySelector({json.dumps(selector)});
                field.value = {json.dumps(value)};
                field.dispatchEvent(new Event("input", {{ bubbles: true }}));
                field.dispatchEvent(new Event("change", {{ bubbles: true }}));
            }}"""
        )

    def screenshot(self, path, phone=False, dark=False):
        scheme = "dark" if dark else "light"
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        if phone:
            self.ask("Emulation.setDeviceMetricsOverride", **PHONE)
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))
        assert path.stat().st_size > 10_000  # not blank

    def is_too_wide(self):
        return self.value("document.documentElement.scrollWidth > innerWidth")


def found():
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium_page(folder):
    """A page of a browser whose profile and downloads are in ``folder``; skips where there is no Chromium."""
    reason = "" if found() else install("chromium")
    if (binary := found()) is None:
        pytest.skip(f"no Chromium on this machine: pages are not opened; {reason}")
    profile = folder / "profile"
    command = [
        binary,
        "--headless=new",
        "--no-sandbox",  # pages are our own, and containers run tests as root
        "--disable-gpu",
        "--no-first-run",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--remote-debugging-port=0",
        "--window-size=1280,900",
        f"--user-data-dir={profile}",
        "about:blank",
    ]
    environment = {**os.environ, "HOME": str(folder), "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
    with (folder / "chromium.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        port_file, end = profile / "DevToolsActivePort", time.monotonic() + WAIT
        while not (port_file.exists() and "\n" in port_file.read_text()):
            said = (folder / "chromium.log").read_text()
            assert process.poll() is None, f"{binary} ended at once: {said}"
            assert time.monotonic() < end, f"{binary} did not start in {WAIT} s: {said}"
            time.sleep(0.05)
        port = port_file.read_text().splitlines()[0]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{port}/json", timeout=WAIT) as answer:
            targets = json.load(answer)
        url = next(target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page")
        with connect(url, max_size=None, proxy=None, open_timeout=WAIT) as socket:
            page = Page(socket)
            page.ask("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
            yield page
            assert page.errors == []
    finally:
        process.terminate()
        try:
            process.wait(timeout=WAIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
