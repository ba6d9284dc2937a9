"""Orders to the control server of a running rehearsal company."""

from __future__ import annotations

import http.client
import json
import ssl
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from figgo_ops.sandbox import Rehearsal


def order(url: str, ca_file: str | Path, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    context = ssl.create_default_context(cafile=str(ca_file))
    port = urlsplit(url).port
    with closing(http.client.HTTPSConnection("localhost", port, context=context, timeout=20)) as connection:
        connection.request(method, path, body=None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


class Control:
    """The control server of a running company."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.rehearsal = rehearsal

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return order(self.rehearsal.control_url, self.rehearsal.ca_file, method, f"/__control{path}", body)

    def done(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self(method, path, body)
        assert status == 200, answer
        return answer

    def refused(self, method: str, path: str, body: Any = None) -> str:
        status, answer = self(method, path, body)
        assert status == 400, answer
        return str(answer["error"])
