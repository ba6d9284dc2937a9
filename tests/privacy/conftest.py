"""The company with canaries for secrets."""

import signal
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.privacy.scene import KEY_FILE, PASSWORD_FILE, SECRET_FILE
from tests.privacy.watch import (
    CLIENT_SECRET,
    COMMENT,
    FIGGO_KEY,
    PASSWORD,
    PATIENTS,
    TITLE,
    TYPE,
    Watch,
    noting,
)
from tests.rehearsal import Corail
from tests.shell import quiet_surroundings


@pytest.fixture
def watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Watch]:
    """The company, with a leave in it that says more than anybody may know."""
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    kept = tmp_path / "home" / "secrets"
    kept.mkdir(parents=True)
    for name, secret in ((KEY_FILE, FIGGO_KEY), (PASSWORD_FILE, PASSWORD), (SECRET_FILE, CLIENT_SECRET)):
        (kept / name).write_text(secret)
        (kept / name).chmod(0o600)
    before = signal.getsignal(signal.SIGTERM)
    with Corail(tmp_path) as corail:
        corail.activate()
        for module in ("session", "transport", "desk.fleet"):
            monkeypatch.setattr(f"figgo_ops.{module}.SystemClock", lambda: corail.clock)
        for mail, entity, private in PATIENTS:
            patient = corail.stage.hire("Léa", "Malard", entity, mail).id
            corail.stage.enter_by_hr(patient, date(2027, 1, 11), account=TYPE, comment=COMMENT)
            corail.owner(patient).add(TITLE, "2027-01-11", "2027-01-12", **private)
        made = Watch(corail, temporary, capsys.readouterr)
        noting(monkeypatch, corail.stage.google, made.note)
        noting(monkeypatch, corail.stage.exchange, made.note_log_on)
        noting(monkeypatch, corail.stage.microsoft365, made.note_sign_in)
        yield made
    signal.signal(signal.SIGTERM, before)
