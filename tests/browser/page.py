"""The editor's script in Chromium, and its Python side in this process: the two without a notebook between them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import timegate as tg

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
TRAITS = ("draft", "answer", "findings", "tz", "day", "axis", "snap", "path", "scope", "proposing", "origin")

# A model as anywidget gives it to a script. Python is asked over a function that the page is given.
_PAGE = """<!doctype html><meta charset="utf-8"><style>body{margin:0;padding:12px;%(style)s} %(css)s</style>
<div id="editor"></div>
<script>
  window.failures = [];
  addEventListener("error", (e) => failures.push(String(e.message)));
  addEventListener("unhandledrejection", (e) => failures.push(String(e.reason)));
  class Model {
    constructor(state) { this.state = state; this.handlers = {}; this.changed = {}; this.sent = []; this.deaf = false; }
    get(name) { return this.state[name]; }
    set(name, value) { this.changed[name] = this.state[name] = value; this.fire(`change:${name}`); }
    on(name, f) { (this.handlers[name] ??= []).push(f); }
    off(name, f) { this.handlers[name] = (this.handlers[name] ?? []).filter((g) => g !== f); }
    fire(name, value) { for (const f of this.handlers[name] ?? []) f(value); }
    save_changes() { const state = this.changed; this.changed = {}; this.ask({ state }); }
    send(content) { this.ask({ content }); }
    async ask(message) {
      this.sent.push(structuredClone(message));
      if (this.deaf) return;
      this.take(JSON.parse(await toKernel(JSON.stringify(message))));
    }
    take({ state, messages }) {
      for (const [name, value] of Object.entries(state)) {
        if (JSON.stringify(value) === JSON.stringify(this.state[name])) continue;
        this.state[name] = value;
        this.fire(`change:${name}`);
      }
      for (const message of messages) this.fire("msg:custom", message);
    }
  }
  window.open_editor = async (state, script) => {
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const widget = (await import(url)).default();
    window.model = new Model(state);
    await widget.initialize({ model });
    window.render_again = (el) => widget.render({ model, el });
    await widget.render({ model, el: document.querySelector("#editor") });
  };
</script>"""


class Bench:
    """An editor and the page that shows it."""

    def __init__(self, page: Page, editor: tg.ScheduleEditor, style: str = "") -> None:
        self.page, self.editor = page, editor
        self.messages: list[Any] = []
        self.asked: list[str] = []  # what the page has asked the kernel for, and the kernel has begun
        editor.send = lambda content, buffers=None: self.messages.append(content)  # type: ignore[method-assign]
        page.expose_function("toKernel", self.to_kernel)
        page.route("http://editor.test/", lambda route: route.fulfill(
            body=_PAGE % {"css": editor._css, "style": style}, content_type="text/html"))  # fmt: skip
        page.goto("http://editor.test/")
        page.evaluate("([s, m]) => open_editor(s, m)", [self.state(), str(editor._esm)])

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(json.dumps({name: getattr(self.editor, name) for name in TRAITS}))
        return state

    def to_kernel(self, text: str) -> str:
        """Do what ipywidgets does with a message, and return the state that the page is to have then."""
        message = json.loads(text)
        if "state" in message:
            self.editor.set_state(message["state"])
        else:
            self.editor._handle_custom_msg(message["content"], [])
            self.asked.append(message["content"]["kind"])
        messages, self.messages = self.messages, []
        return json.dumps({"state": self.state(), "messages": messages})

    def push(self) -> None:
        """Send the page what Python has changed and said by itself."""
        messages, self.messages = self.messages, []
        self.page.evaluate("(m) => model.take(m)", {"state": self.state(), "messages": messages})

    def settle(self) -> None:
        """Wait until the page shows the answer to the schedule on screen."""
        self.page.wait_for_function("() => { const d = document.querySelector('.tg-editor').dataset;"
                                    " return d.shown === d.revision; }")  # fmt: skip

    def minutes(self, count: float) -> float:
        """Return the pixels of so many minutes on the axis."""
        width = self.page.locator(".tg-lane").first.bounding_box()["width"]  # type: ignore[index]
        return count * width / (1440 if self.editor.axis == "day" else 7 * 1440)

    def drag(self, locator: Any, dx: float, dy: float = 0, steps: int = 6) -> None:
        """Drag the middle of an element by so many pixels."""
        box = locator.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.drag_from(x, y, dx, dy, steps)

    def drag_from(self, x: float, y: float, dx: float, dy: float = 0, steps: int = 6) -> None:
        with self.held(x, y, dx, dy, steps):
            pass

    @contextmanager
    def held(self, x: float, y: float, dx: float, dy: float = 0, steps: int = 6) -> Iterator[None]:
        """Drag what is at a point by so many pixels, and let go of it at the end of the block."""
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + dx, y + dy, steps=steps)
        yield
        mouse.up()

    def failures(self) -> list[str]:
        return self.page.evaluate("failures")  # type: ignore[no-any-return]


@contextmanager
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
    try:
        yield browser
    finally:
        browser.close()
