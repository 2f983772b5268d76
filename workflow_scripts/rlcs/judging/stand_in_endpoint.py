"""A chat endpoint on this machine that stands in for vendors in a rehearsal.

Its answers have the form that was asked for and mean nothing. Most scores favour the longer story in either
order, so that the consistency filter and a consensus keep something. Some answers cannot be read, and some
requests fail once, as a vendor's do.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from string import Template
from threading import Lock, Thread
from typing import Any, Literal

from rlcs.config.judging import JudgingConfig
from rlcs.verdict import score_line

Form = Literal["pair", "story", "verdict", "text"]

# In 256: requests that fail once, answers that cannot be read, answers that favour the other story.
_FAILS, _UNREADABLE, _CONTRARY = 12, 24, 40


class StandInEndpoint:
    """The server, which runs in a thread of this process.

    Args:
        forms: what is asked of each model, by the first two parts of its address: ``judges/gemini``.
        judging: the template and the scores of judges.
        host: name or address of this machine at which others reach it.
    """

    def __init__(self, forms: Mapping[str, Form], judging: JudgingConfig, host: str = "127.0.0.1") -> None:
        self.forms = forms
        self.scores = judging.scores
        self._stories = _reader(judging.template)
        self.asked: Counter[str] = Counter()
        self._failed: set[bytes] = set()
        self._lock = Lock()
        self._server = _Server(("" if host != "127.0.0.1" else host, 0), _handler(self))
        self.address = f"http://{host}:{self._server.server_address[1]}"

    def __enter__(self) -> StandInEndpoint:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fails(self, path: str, question: str) -> bool:
        """True for the first request of some questions."""
        key = _digest(path, question)
        with self._lock:
            self.asked[_place(path)] += 1
            if key[0] >= _FAILS or key in self._failed:
                return False
            self._failed.add(key)
            return True

    def answer(self, path: str, question: str) -> str:
        """An answer, always the same to a question."""
        key = _digest(path, question)
        form = self.forms.get(_place(path), "pair")
        if form == "text":  # no two alike
            return f"A story of {key.hex()[:12]}: it rained, and they walked on. {question[-40:]}"
        if key[1] < _UNREADABLE:
            return "It is hard to say."
        if form == "verdict":
            return f"It does so.\nVerdict: {'yes' if key[2] % 2 else 'no'}"
        if form == "story":
            return f"It holds together.\n{score_line(self._score(len(question)))}"
        first, second = self._lengths(question)
        if key[2] < _CONTRARY:
            first, second = second, first
        better = "first" if first > second else "second"
        return f"The {better} holds together.\n{score_line(self._score(first), self._score(second))}"

    def _score(self, characters: int) -> int:
        return self.scores.low + characters // 40 % (self.scores.high - self.scores.low + 1)

    def _lengths(self, question: str) -> tuple[int, int]:
        """Characters of the two stories of a question; 0 if it was not made from the template."""
        found = self._stories.search(question)
        return (len(found["story_1"]), len(found["story_2"])) if found else (0, 0)


def _reader(template: str) -> re.Pattern[str]:
    """A pattern that finds the stories in a prompt that was made from a template of judges."""
    pattern, end, seen = "", 0, set[str]()
    for place in Template.pattern.finditer(template):
        name = place["named"] or place["braced"]
        pattern += re.escape(template[end : place.start()])
        is_story = name in ("story_1", "story_2") and name not in seen
        pattern += f"(?P<{name}>.*?)" if is_story else ".*?"
        seen.add(name)
        end = place.end()
    return re.compile(f"{pattern}{re.escape(template[end:])}$", re.DOTALL)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _place(path: str) -> str:
    """The first two parts of an address: ``judges/gemini`` of ``/judges/gemini/v1/chat/completions``."""
    return "/".join(path.strip("/").split("/")[:2])


def _digest(path: str, question: str) -> bytes:
    return hashlib.sha256(f"{path}\n{question}".encode()).digest()


def _handler(endpoint: StandInEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            question = "\n".join(str(message["content"]) for message in request["messages"])
            if endpoint.fails(self.path, question):
                self._send(503, {"error": {"message": "a rehearsed failure: ask again", "code": None}})
                return
            said = endpoint.answer(self.path, question)
            self._send(200, _completion(request["model"], question, said))

        def _send(self, status: int, body: Mapping[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _completion(model: str, question: str, said: str) -> dict[str, Any]:
    asked, answered = len(question) // 4, len(said) // 4
    return {
        "id": "rehearsal",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered},
    }
