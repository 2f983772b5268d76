"""A chat endpoint on loopback that misbehaves as it is told, and counts what it was asked and paid for."""

import json
import socket
import struct
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread

from rlcs.config.untrained_judges import EndpointJudgeConfig

KEY = "sk-planted-0123456789abcdef"
VARIABLE = "RLCS_TEST_KEY"
TEXT = "1 good\n2 bad\nScores: 7 3"


def completion(text=TEXT, finish_reason="stop", usage=(100, 10)):
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": finish_reason,
            }
        ],
        "usage": usage and {"prompt_tokens": usage[0], "completion_tokens": usage[1]},
    }


# Replies: functions of the request's handler.


def ok(text=TEXT, *, delay=0.0, **more):
    def reply(handler):
        handler.server.closing.wait(delay)
        # counted before it is sent, so that a client which has the answer finds it counted
        with handler.server.lock:
            handler.server.paid[handler.prompt] += 1
        handler.send(200, json.dumps(completion(text, **more)).encode())

    return reply


def body(content, kind="application/json"):
    return lambda handler: handler.send(200, content, {"Content-Type": kind})


def status(code, message="no", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    content = json.dumps({"error": {"message": message, "code": None}}).encode()
    return lambda handler: handler.send(code, content, headers)


def echo_key(code):
    """An error that tells the key that it was sent."""
    return lambda handler: status(code, f"bad key {handler.headers['Authorization']}")(handler)


def hang(handler):
    handler.server.closing.wait(20)


def truncated(handler):
    content = json.dumps(completion()).encode()
    handler.send(200, content[: len(content) // 2], {"Content-Length": str(len(content))})
    handler.close_connection = True


def reset(handler):
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.prompt = request["messages"][-1]["content"]
        server = self.server
        with server.lock:
            attempt = sum(prompt == self.prompt for prompt, _ in server.asked)
            server.asked.append((self.prompt, time.monotonic()))
            server.requests.append((self.path, self.headers["Authorization"], request))
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        try:
            server.behave(self.prompt, attempt)(self)
        except OSError:  # the client has gone
            self.close_connection = True
        finally:
            with server.lock:
                server.at_once -= 1

    def send(self, code, content, headers=()):
        self.send_response(code)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(content)), **dict(headers)}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    """Answers by ``behave(prompt, attempt) -> reply``; attempts at a prompt are counted from 0."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, behave, port=0):
        self.behave = behave
        self.lock = Lock()
        self.closing = Event()
        self.asked = []  # (prompt, time)
        self.requests = []  # (path, authorization, body)
        self.paid = Counter()
        self.at_once = self.most_at_once = 0
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def __enter__(self):
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.shutdown()
        self.server_close()


def always(reply):
    return lambda prompt, attempt: reply


def first(*replies, then=None):
    """For every prompt: these replies to its first attempts, then a good one."""
    return lambda prompt, attempt: replies[attempt] if attempt < len(replies) else then or ok()


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def entry(server, **changes):
    """An entry of the config for a server or an address, with short waits."""
    fields = {"kind": "generative", "backend": "openai", "model": "m", "sampling": {"temperature": 0}}
    fields |= {"base_url": server if isinstance(server, str) else server.url, "api_key_env": VARIABLE}
    fields |= {"timeout": 60, "attempts": 4, "backoff": 0.02, "concurrency": 4, "max_failure_share": 1}
    return EndpointJudgeConfig(**fields | changes)


def verdicts(judgements):
    return [judgement.verdict for judgement in judgements]
