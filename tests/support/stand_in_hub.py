"""A model hub on loopback: what huggingface_hub needs to create a repository and upload a folder."""

import base64
import hashlib
import json
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

TOKEN = "hf_standInTokenThatMayWrite"


class Hub:
    """Repositories by name; ``private`` says how each was created, ``files`` has what was committed."""

    def __init__(self):
        self.private, self.files, self.uploaded = {}, defaultdict(dict), {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, method, path, body):
        """Status and JSON of a request."""
        path = path.partition("?")[0]
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if path == "/api/whoami-v2":
            return 200, {"name": "me", "type": "user", "orgs": []}
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'me'}/{asked['name']}"
            if name in self.private:
                return 409, {"url": f"{self.url}/{name}", "error": "You already created this model repo"}
            self.private[name] = asked.get("private", asked.get("visibility") == "private")
            return 200, {"url": f"{self.url}/{name}", "id": name}
        if method == "PUT":
            self.uploaded[hashlib.sha256(body).hexdigest()] = body
            return 200, {}
        if path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**one, "actions": {"upload": {"href": f"{self.url}/store/{one['oid']}"}}}
                for one in json.loads(body)["objects"]
            ]
            return 200, {"transfer": "basic", "objects": objects}
        name = "/".join(path.split("/")[3:5])
        if "/preupload/" in path:
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(body)["files"]
            ]
            return 200, {"files": files}
        if "/commit/" in path:
            for line in body.splitlines():
                entry = json.loads(line)
                value = entry["value"]
                if entry["key"] == "file":
                    self.files[name][value["path"]] = base64.b64decode(value["content"])
                elif entry["key"] == "lfsFile":
                    self.files[name][value["path"]] = self.uploaded[value["oid"]]
            return 200, {"commitUrl": f"{self.url}/{name}/commit/{'a' * 40}", "commitOid": "a" * 40}
        if method == "GET" and path.startswith("/api/models/"):
            return 200, {"id": name, "sha": "a" * 40, "siblings": []}
        return 404, {"error": f"the stand-in knows no {method} {path}"}

    def _handler(hub):
        class Handler(BaseHTTPRequestHandler):
            def _reply(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                stored = self.path.startswith("/store/")
                allowed = stored or self.headers.get("Authorization") == f"Bearer {TOKEN}"
                refusal = (401, {"error": "Invalid username or password."})
                status, said = hub.answer(self.command, self.path, body) if allowed else refusal
                content = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = _reply

            def log_message(self, *_):
                pass

        return Handler
