"""As whom to log on to Exchange: the service account, or an application for Exchange Online."""

from exchangelib import Credentials

from figgo_ops.calendars import Resolve
from figgo_ops.calendars._exchange_online import Application
from figgo_ops.calendars._exchange_settings import Settings
from figgo_ops.calendars._exchange_wire import Access


def access(settings: Settings, secret: Resolve) -> Access:
    """What the settings say, with the secret in it.

    Raises:
        SecretUnavailable: the reference leads nowhere.
    """
    if settings.online:
        client, tenant = settings.client_id or "", settings.tenant_id or ""
        value = secret(settings.client_secret or "").value
        return Access(client, Application(client, value, tenant, settings.token_url), "oauth")
    user = settings.user or ""
    return Access(user, Credentials(user, secret(settings.password or "").value), settings.auth)
