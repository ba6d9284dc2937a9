"""What is different in a kernel that works for us: no secret leaves it, and our errors show no stack."""

import html
from collections.abc import Callable
from typing import Any

from figgo_ops import errors
from figgo_ops.errors import FiggoOpsError
from figgo_ops.home import Home
from figgo_ops.secrets import HIDDEN, REDACTOR
from figgo_ops.words import plain

_OUTGOING = frozenset(
    {"stream", "display_data", "update_display_data", "execute_result", "error", "execute_reply"}
    | {"comm_open", "comm_msg"}  # what widgets show; a browser keeps it in the notebook
)


def clean_text(text: str) -> str:
    """The text without known secrets and without anything of a credential's shape."""
    text = REDACTOR.clean(text)
    # Markup may spell a secret in more ways than are known, and cannot be unescaped in place.
    plain = html.unescape(text) if "&" in text else text
    return text if REDACTOR.clean(plain) == plain else HIDDEN


def clean(value: Any) -> Any:
    """The same JSON value with every string in it cleaned."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items()}
    return value


def guard() -> None:
    """Watch over the kernel this code runs in; outside a kernel, or a second time, this does nothing."""
    shell = current_shell()
    if shell is None or getattr(shell.kernel.session.send, "guarded", False):
        return
    Home.at().learn_secrets()
    shell.set_custom_exc((FiggoOpsError,), _show)
    shell.kernel.session.send = _cleaning(shell.kernel.session.send)


def current_shell() -> Any | None:
    """The interactive shell of this kernel; None where this is no kernel."""
    import sys

    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive else None
    return shell if getattr(shell, "kernel", None) is not None else None


def _show(shell: Any, kind: type[FiggoOpsError], error: FiggoOpsError, *_: object, **__: object) -> list[str]:
    """Message and remedy as the whole traceback, under the name of an error that the runner knows."""
    known = next(base for base in kind.__mro__ if base.__module__ == errors.__name__)
    lines = [plain(text) for text in (error.message, error.remedy) if text]
    shell._showtraceback(known, error, lines)
    return lines


def _cleaning(send: Callable[..., Any]) -> Callable[..., Any]:
    """The session's one way out, with a filter before it."""

    def guarded(stream: Any, message: Any, content: Any = None, *args: Any, **kwargs: Any) -> Any:
        if isinstance(message, dict):
            if message.get("msg_type") in _OUTGOING:
                message = {**message, "content": clean(message["content"])}
        elif message in _OUTGOING:
            content = clean(content)
        return send(stream, message, content, *args, **kwargs)

    guarded.guarded = True  # type: ignore[attr-defined]
    return guarded
