"""Loading a calendar's library takes long, so it is loaded only by who needs it."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("code", "loaded"),
    [
        ("import figgo_ops", set()),
        ("from figgo_ops.calendars import kinds, settings_of; [*map(settings_of, kinds())]", set()),
        ("import figgo_ops.calendars._microsoft365_wire", {"msal"}),
        ("import figgo_ops.calendars._exchange_wire", {"exchangelib"}),
        ("import figgo_ops.calendars._google_wire", {"googleapiclient"}),
    ],
)
def test_each_kind_of_calendar_loads_its_own_library_and_only_when_it_is_opened(
    code: str, loaded: set[str]
) -> None:
    known = {"msal", "exchangelib", "googleapiclient"}
    program = f"{code}\nimport sys\nprint(*({known!r} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(ended.stdout.split()) == loaded
