"""A Hub to test against: the calls of the Hugging Face Hub that publishing and pulling make, over HTTP.

It keeps repositories on disk, takes the unpatched huggingface_hub client, and fails on demand. What
it fakes: accounts are two fixed tokens and one job's identity, git objects are JSON, there is no Xet
and no web page.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

WRITER, READER = "hf_writer", "hf_reader"
IDENTITY = "an id token of this job"
ROUTES = {  # name → method and path; what a fault names
    "refs": ("GET", r"/api/(?P<kind>\w+)/(?P<repo>[^/]+/[^/]+)/refs"),
    "info": ("GET", r"/api/(?P<kind>\w+)/(?P<repo>[^/]+/[^/]+)(/revision/(?P<rev>[^/]+))?"),
    "tree": ("GET", r"/api/models/(?P<repo>[^/]+/[^/]+)/tree/(?P<rev>[^/]+)"),
    "paths": ("POST", r"/api/models/(?P<repo>[^/]+/[^/]+)/paths-info/(?P<rev>[^/]+)"),
    "branch": ("POST", r"/api/models/(?P<repo>[^/]+/[^/]+)/branch/(?P<name>[^/]+)"),
    "tag": ("POST", r"/api/models/(?P<repo>[^/]+/[^/]+)/tag/(?P<rev>[^/]+)"),
    "validate": ("POST", r"/api/validate-yaml"),
    "preupload": ("POST", r"/api/models/(?P<repo>[^/]+/[^/]+)/preupload/(?P<rev>[^/]+)"),
    "batch": ("POST", r"/(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch"),
    "put": ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})"),
    "verify": ("POST", r"/lfs/verify"),
    "commit": ("POST", r"/api/models/(?P<repo>[^/]+/[^/]+)/commit/(?P<rev>[^/]+)"),
    "identity": ("GET", r"/identity"),
    "exchange": ("POST", r"/oauth/token"),
    "head": ("HEAD", r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<rev>[^/]+)/(?P<path>.+)"),
    "file": ("GET", r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<rev>[^/]+)/(?P<path>.+)"),
}
WRITES = {"branch", "tag", "preupload", "batch", "put", "verify", "commit"}


@dataclass
class Fault:
    """Fail one kind of call, or any ("*"): `how` at `when`, from the `nth` on, `times` in a row."""

    route: str
    how: str  # a status, gated, drop, cut (half of what is sent), kill, html, slow, truncate, flip
    when: str = "before"  # its effect; "after": the effect is there, the answer is lost
    nth: int = 1
    times: int = 1


@dataclass
class Answer:
    """What a call answers: `body` is JSON unless it is bytes."""

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818  (an answer, not a failure)
    """Answer with an error status."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message)
        self.answer = Answer({"error": message}, status)
        if code:
            self.answer.headers["X-Error-Code"] = code
        if message:
            self.answer.headers["X-Error-Message"] = message


class Hub:
    """Repositories on disk below `root`; `faults` are to come, `calls` were made."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = ""
        self.faults: list[Fault] = []
        self.calls: list[str] = []
        self.received: dict[str, int] = {}
        self.victim = 0
        self.sizes: dict[str, int] = {}  # what it lists for a file's name, instead of the truth
        self.lock = threading.Lock()

    def create(
        self, repo: str, kind: str = "models", files: dict[str, bytes] | None = None
    ) -> None:
        """Make a repository with a first commit on main."""
        first = {".gitattributes": b"*.safetensors filter=lfs\n", **(files or {})}
        commit = self._commit_of(
            {name: self._blob(data) for name, data in first.items()}, "", "first"
        )
        self.save(repo, {"kind": kind, "branches": {"main": commit}, "tags": {}})

    def refs(self, repo: str) -> dict:
        """Give kind, branches and tags of a repository."""
        path = self.root / f"{repo.replace('/', '--')}.json"
        if not path.exists():
            raise Refused(404, "RepoNotFound", "Repository not found")
        return json.loads(path.read_text())

    def files(self, repo: str, revision: str) -> dict[str, bytes]:
        """Give what is in a revision."""
        tree = self._commit(self._sha(repo, revision))["files"]
        return {name: self._bytes(blob) for name, blob in tree.items()}

    def history(self, repo: str, branch: str) -> list[str]:
        """Give the messages of a branch's commits, newest first."""
        sha, messages = self._sha(repo, branch), []
        while sha:
            commit = self._commit(sha)
            messages.append(commit["message"])
            sha = commit["parent"]
        return messages

    def parent(self, commit: str) -> str:
        """Give the commit before a commit."""
        return self._commit(commit)["parent"]

    def change(self, repo: str, branch: str, changes: dict[str, bytes | None]) -> str:
        """Commit changes as somebody else; None removes a file. Give the commit."""
        refs = self.refs(repo)
        head = refs["branches"][branch]
        tree = dict(self._commit(head)["files"])
        for name, data in changes.items():
            tree.pop(name, None)
            if data is not None:
                tree[name] = self._blob(data)
        refs["branches"][branch] = self._commit_of(tree, head, "somebody else")
        self.save(repo, refs)
        return refs["branches"][branch]

    # What the calls do

    def do_identity(self, **_) -> Answer:
        """Give a job's id token: what stands at ACTIONS_ID_TOKEN_REQUEST_URL is GitHub's, not the Hub's."""
        return Answer({"value": IDENTITY})

    def do_exchange(self, body, **_) -> Answer:
        """Take an id token for a token that may write to one repository."""
        asked = json.loads(body)
        if asked["subject_token"] != IDENTITY or not self.refs(asked["resource"]):
            raise Refused(401, "", "no trusted publisher")
        return Answer({"access_token": WRITER, "token_type": "bearer", "expires_in": 3600})

    def do_refs(self, repo, kind, **_) -> Answer:
        refs = self._of_kind(repo, kind)
        listed = {
            each: [
                {"name": name, "ref": f"refs/{where}/{name}", "targetCommit": sha}
                for name, sha in refs[each].items()
            ]
            for each, where in (("branches", "heads"), ("tags", "tags"))
        }
        return Answer({**listed, "converts": []})

    def do_info(self, repo, kind, rev=None, **_) -> Answer:
        self._of_kind(repo, kind)
        sha = self._sha(repo, rev or "main")
        return Answer({"id": repo, "sha": sha, "private": False, "tags": [], "siblings": []})

    def do_tree(self, repo, rev, **_) -> Answer:
        return Answer(self._listed(repo, rev))

    def do_paths(self, repo, rev, body, **_) -> Answer:
        wanted = parse_qs(body.decode())["paths"]
        return Answer([entry for entry in self._listed(repo, rev) if entry["path"] in wanted])

    def do_branch(self, repo, name, body, **_) -> Answer:
        refs = self.refs(repo)
        if name in refs["branches"]:
            raise Refused(409, "", "Reference already exists")
        start = json.loads(body or b"{}").get("startingPoint", "main")
        refs["branches"][name] = self._sha(repo, start)
        self.save(repo, refs)
        return Answer({})

    def do_tag(self, repo, rev, body, **_) -> Answer:
        refs = self.refs(repo)
        name = json.loads(body)["tag"]
        if name in refs["tags"]:
            raise Refused(409, "", "Tag reference exists already")
        refs["tags"][name] = self._sha(repo, rev)
        self.save(repo, refs)
        return Answer({})

    def do_validate(self, body, **_) -> Answer:
        import yaml

        head = re.match(r"---\n(.*?)\n---\n", json.loads(body)["content"], re.DOTALL)
        data = yaml.safe_load(head[1]) if head else None
        errors = [] if isinstance(data, dict) else [{"message": "no metadata"}]
        for model in (data or {}).get("model-index", []):
            for result in model["results"]:
                lacking = {"task", "dataset", "metrics"} - result.keys()
                errors += [{"message": f'"model-index" lacks {key}'} for key in lacking]
        return Answer({"errors": errors, "warnings": []}, 400 if errors else 200)

    def do_preupload(self, repo, rev, body, **_) -> Answer:
        there = {entry["path"]: entry for entry in self._listed(repo, rev)}
        files = []
        for each in json.loads(body)["files"]:
            mode = "lfs" if each["path"].endswith(".safetensors") else "regular"
            known = there.get(each["path"])
            oid = known and (known.get("lfs") or known)["oid"]
            files.append(
                {"path": each["path"], "uploadMode": mode, "shouldIgnore": False}
                | ({"oid": oid} if oid else {})
            )
        return Answer({"files": files})

    def do_batch(self, body, **_) -> Answer:
        objects = []
        for each in json.loads(body)["objects"]:
            actions = {
                "upload": {"href": f"{self.url}/lfs/{each['oid']}", "header": {}},
                "verify": {"href": f"{self.url}/lfs/verify", "header": {}},
            }
            there = self._lfs(each["oid"]).exists()
            objects.append(each if there else {**each, "actions": actions})
        return Answer({"transfer": "basic", "objects": objects})

    def do_put(self, oid, body, **_) -> Answer:
        if hashlib.sha256(body).hexdigest() != oid:
            raise Refused(400, "", "wrong digest")
        self._lfs(oid).parent.mkdir(exist_ok=True)
        self._lfs(oid).write_bytes(body)
        return Answer({})

    def do_verify(self, body, **_) -> Answer:
        if not self._lfs(json.loads(body)["oid"]).exists():
            raise Refused(404, "", "no such object")
        return Answer({})

    def do_commit(self, repo, rev, body, **_) -> Answer:
        refs = self.refs(repo)
        head = refs["branches"][rev]
        lines = [json.loads(line) for line in body.splitlines()]
        if lines[0]["value"].get("parentCommit", head) != head:
            raise Refused(412, "", "A commit has happened since")
        tree = dict(self._commit(head)["files"])
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                tree[value["path"]] = self._blob(base64.b64decode(value["content"]))
            elif line["key"] == "lfsFile":
                data = self._lfs(value["oid"])
                if not data.exists():
                    raise Refused(400, "", "LFS object is missing")
                tree[value["path"]] = self._pointer(value["oid"], data.stat().st_size)
            elif line["key"] == "deletedFile":
                del tree[value["path"]]
        sha = self._commit_of(tree, head, lines[0]["value"]["summary"])
        refs["branches"][rev] = sha
        self.save(repo, refs)
        return Answer({"commitOid": sha, "commitUrl": f"{self.url}/{repo}/commit/{sha}"})

    def do_file(self, repo, rev, path, **_) -> Answer:
        sha = self._sha(repo, rev)
        blob = self._commit(sha)["files"].get(unquote(path))
        if not blob:
            raise Refused(404, "EntryNotFound", "Entry not found")
        data = self._bytes(blob)
        etag = (blob.get("lfs") or blob)["oid"]
        linked = {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(data))}
        return Answer(data, headers={"X-Repo-Commit": sha, "ETag": f'"{etag}"', **linked})

    do_head = do_file

    # How it is kept

    def _of_kind(self, repo, kind):
        refs = self.refs(repo)
        if refs["kind"] != kind:
            raise Refused(404, "RepoNotFound", "Repository not found")
        return refs

    def _sha(self, repo, revision):
        refs = self.refs(repo)
        name = unquote(revision)
        sha = refs["branches"].get(name) or refs["tags"].get(name) or name
        if not re.fullmatch("[0-9a-f]{40}", sha) or not (self.root / "commits" / sha).exists():
            raise Refused(404, "RevisionNotFound", "Invalid rev id")
        return sha

    def _listed(self, repo, rev):
        tree = self._commit(self._sha(repo, rev))["files"]
        listed = [{"type": "file", "path": name, **blob} for name, blob in sorted(tree.items())]
        for each in listed:
            if (size := self.sizes.get(each["path"])) is not None:
                each["size"] = size
                if "lfs" in each:
                    each["lfs"] = {**each["lfs"], "size": size}
        return listed

    def _commit(self, sha):
        return json.loads((self.root / "commits" / sha).read_text())

    def _commit_of(self, tree, parent, message):
        text = json.dumps({"files": tree, "parent": parent, "message": message}, sort_keys=True)
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._write(self.root / "commits" / sha, text.encode())
        return sha

    def _blob(self, data):
        oid = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        self._write(self.root / "blobs" / oid, data)
        return {"oid": oid, "size": len(data)}

    def _pointer(self, sha256, size):
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
        lfs = {"oid": sha256, "size": size, "pointerSize": len(text)}
        return {**self._blob(text.encode()), "size": size, "lfs": lfs}

    def _bytes(self, blob):
        if "lfs" in blob:
            return self._lfs(blob["lfs"]["oid"]).read_bytes()
        return (self.root / "blobs" / blob["oid"]).read_bytes()

    def _lfs(self, oid):
        return self.root / "lfs" / oid

    def save(self, repo, refs):
        """Set kind, branches and tags of a repository."""
        self._write(self.root / f"{repo.replace('/', '--')}.json", json.dumps(refs).encode())

    def _write(self, path, data):
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}-{threading.get_ident()}")
        scratch.write_bytes(data)
        scratch.replace(path)


class Handler(BaseHTTPRequestHandler):
    """One request: token, fault, call, fault, answer."""

    hub: Hub
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one packet: else each waits 40 ms for the other's receipt
    disable_nagle_algorithm = True

    def log_message(self, *_args) -> None:
        """Stay quiet."""

    def handle_one_request(self) -> None:
        """Serve one request; a client that was killed is no trouble."""
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def do_GET(self) -> None:
        """Serve any request."""
        path = urlsplit(self.path).path
        for name, (method, pattern) in ROUTES.items():
            match = re.fullmatch(pattern, path)
            if match and method == self.command:
                self._serve(name, match.groupdict(), int(self.headers.get("Content-Length") or 0))
                return
        # Closing here would break off what the client sends next on this connection.
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._send(Answer({"error": f"no route {self.command} {path}"}, 404))

    do_POST = do_PUT = do_HEAD = do_GET

    def _serve(self, name, match, length) -> None:
        hub = self.hub
        hub.calls.append(name)
        hub.received[name] = hub.received.get(name, 0) + length
        fault = self._fault(name)
        if fault and fault.how == "cut":
            self.rfile.read(length // 2)
            self.close_connection = True
            return
        body = self.rfile.read(length)
        if fault and fault.when == "before" and self._fail(fault.how):
            return
        with hub.lock:
            try:
                self._allow(name, match)
                answer = getattr(hub, f"do_{name}")(**match, body=body)
            except Refused as refused:
                answer = refused.answer
        if fault and fault.when == "after" and self._fail(fault.how):
            return
        self._send(answer, fault.how if fault else "")

    def _allow(self, name, match) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if name not in ("identity", "exchange") and token not in (WRITER, READER, ""):
            raise Refused(401, "", "Invalid username or password.")
        owner = match.get("repo", "ours/").partition("/")[0]
        if name in WRITES - {"put", "verify"} and (token != WRITER or owner != "ours"):
            raise Refused(403, "", "you must use a write token")

    def _fault(self, name):
        for fault in self.hub.faults:
            if fault.route in (name, "*"):
                fault.nth -= 1
                if fault.nth <= 0 < fault.times:
                    fault.times -= 1
                    return fault
        return None

    def _fail(self, how) -> bool:
        """Fail as asked; False when the call goes on."""
        if how.isdecimal():
            self._send(
                Answer(
                    {"error": "planted"},
                    int(how),
                    {"Retry-After": "1"} if how in ("429", "503") else {},
                )
            )
        elif how == "gated":
            self._send(Answer({"error": "planted"}, 403, {"X-Error-Code": "GatedRepo"}))
        elif how == "html":
            self._send(
                Answer(b"<html><title>Log in</title></html>", headers={"Content-Type": "text/html"})
            )
        elif how == "kill":
            while not self.hub.victim:
                time.sleep(0.01)
            os.kill(self.hub.victim, signal.SIGKILL)
            self.close_connection = True
        elif how == "drop":
            self.close_connection = True
        elif how == "slow":
            time.sleep(2)
            return False
        else:
            return False
        return True

    def _send(self, answer, how="") -> None:
        raw = isinstance(answer.body, bytes)
        data = answer.body if raw else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        kind = "application/octet-stream" if raw else "application/json"
        for key, value in {"Content-Type": kind, **answer.headers}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if how == "flip":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if how == "truncate":
            data = data[: len(data) // 2]
            self.close_connection = True
        self.wfile.write(data)


@contextmanager
def serving(root: Path):
    """Serve a Hub on a free port of this machine for a while."""
    hub = Hub(root)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
