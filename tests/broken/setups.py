"""Every set-up that is wrong, by name."""

from collections.abc import Mapping

from tests.broken.exchange import EXCHANGE
from tests.broken.files import FILES
from tests.broken.google import GOOGLE
from tests.broken.matrix import MATRIX
from tests.broken.microsoft365 import MICROSOFT365
from tests.broken.scene import Setup
from tests.broken.source import SOURCE
from tests.broken.ways import WAYS

SETUPS: Mapping[str, Setup] = {
    **FILES,
    **WAYS,
    **SOURCE,
    **GOOGLE,
    **EXCHANGE,
    **MICROSOFT365,
    **MATRIX,
}
