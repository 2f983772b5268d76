"""A stand-in for the program `vllm`: takes its command line, serves one model's name, answers every question.

What it does wrong is said by the environment: FAKE_VLLM = "fail" (it ends at once), "mute" (it serves
nothing), "taken" (the first of its kind ends, its port being taken) or "other" (it has another model).
FAKE_VLLM_ASKED is a file that gets a line for each question.
"""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FLAGS = {"--enforce-eager", "--no-enable-prefix-caching"}
ANSWER = "so\nScores: 7 3"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/version":
            return self.reply({"version": os.environ.get("FAKE_VLLM_VERSION", "0.31.0")})
        return self.reply({"object": "list", "data": [{"id": name, "object": "model"}]})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if path := os.environ.get("FAKE_VLLM_ASKED"):
            with Path(path).open("a") as file:
                file.write("question\n")
        tops = [{"token": "7", "logprob": -0.1}, {"token": "2", "logprob": -2.5}]
        places = [
            {"token": "Scores:", "logprob": 0.0, "top_logprobs": []},
            {"token": "7", "logprob": -0.1, "top_logprobs": tops},
            {"token": "3", "logprob": 0.0, "top_logprobs": []},
        ]
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}
        if asked.get("logprobs"):
            choice["logprobs"] = {"content": places}
        self.reply({"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 5}})

    def reply(self, body):
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


values = [word for word in sys.argv[3:] if word not in FLAGS]
arguments = dict(zip(values[::2], values[1::2], strict=True))
name, port = arguments["--served-model-name"], int(arguments["--port"])
wrong = os.environ.get("FAKE_VLLM")
if told := os.environ.get("FAKE_VLLM_TOLD"):
    variables = {name: os.environ.get(name) for name in ("CUDA_VISIBLE_DEVICES", "VLLM_SERVER_DEV_MODE")}
    told_of = {"argv": sys.argv[1:], "variables": variables, "environment": dict(os.environ)}
    Path(told).write_text(json.dumps(told_of))
if wrong == "fail":
    sys.exit("ValueError: no room for the model")
if wrong == "taken" and not Path(os.environ["FAKE_VLLM_TRIED"]).exists():
    Path(os.environ["FAKE_VLLM_TRIED"]).touch()
    sys.exit("OSError: [Errno 98] Address already in use")
if wrong == "mute":
    time.sleep(600)
if wrong == "other":
    name = "another"
ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
