"""What it means to a person that Microsoft's sign-in service gives no token."""

from figgo_ops.calendars._microsoft365_codes import Case
from figgo_ops.calendars._microsoft365_refusal import SIGN_IN_DOWN
from figgo_ops.errors import CredentialRefused, RightsMissing, Unreachable, UsageError

_IDS = (
    "Compare client_id and tenant_id in the tenant file with the overview of the app registration in the "
    "Entra admin center"
)
_ENTERPRISE = "Enterprise applications of the Entra admin center"
_AGAIN = "then run with `--retry-credential`"

_CREDENTIAL = (
    Case(
        ("AADSTS7000215",),
        CredentialRefused,
        "the secret of application {client} is wrong ({code}): often the Secret ID was stored and not the "
        "Value, which is shown only once",
        "Make a new client secret in the Entra admin center and store its Value with `figgo-ops secret set`.",
        "secret-wrong",
    ),
    Case(
        ("AADSTS7000222",),
        CredentialRefused,
        "the secret of application {client} has expired ({code})",
        "Give the application a certificate and name it as certificate in the tenant file, as its end is "
        "seen in time; or make a new secret, and store either with `figgo-ops secret set`.",
        "secret-expired",
    ),
    Case(
        ("AADSTS700027", "AADSTS700030", "AADSTS50017"),
        CredentialRefused,
        "the certificate does not open application {client} ({code}): it is not registered there, has "
        "expired, or belongs to another private key",
        "Compare its thumbprint (`openssl x509 -noout -fingerprint -sha256`) with Certificates & secrets in "
        f"the Entra admin center, upload the public part of one that is valid, {_AGAIN}.",
        "certificate-refused",
    ),
    Case(
        ("AADSTS700016", "AADSTS700011"),
        CredentialRefused,
        "the organization {tenant} has no application {client} ({code}): client_id or tenant_id is wrong, or "
        "the enterprise application was deleted",
        f"{_IDS}, make the latter again with `New-MgServicePrincipal -AppId {{client}}` if it is missing, "
        f"{_AGAIN}.",
        "unknown-client",
    ),
    Case(
        ("AADSTS70002", "AADSTS50012", "invalid_client"),
        CredentialRefused,
        "Microsoft refuses the log-on of application {client} ({code}{said})",
        "Make a new certificate or secret in the Entra admin center and store it with `figgo-ops secret "
        "set`.",
        "log-on-refused",
    ),
)

_TENANT_FILE = (
    Case(
        ("AADSTS90002", "invalid_tenant"),
        UsageError,
        "Microsoft knows no organization {tenant} ({code})",
        "Correct tenant_id in the tenant file; the Entra admin center shows it as Tenant ID in its overview.",
        "unknown-tenant",
    ),
    Case(
        ("AADSTS900023", "AADSTS900021", "AADSTS50059", "AADSTS50128", "AADSTS50194"),
        UsageError,
        "{tenant} names no organization: neither a GUID nor a domain that could be one ({code})",
        "Correct tenant_id in the tenant file; the Entra admin center shows it as Tenant ID in its overview.",
        "unknown-tenant",
    ),
    Case(
        ("AADSTS700024", "AADSTS500133"),
        UsageError,
        "this machine's clock is wrong: Microsoft finds that what it signed is not valid at this time "
        "({code})",
        "Set the clock of this machine, then run again.",
        "clock",
    ),
    Case(
        ("AADSTS7000216", "AADSTS7000218", "AADSTS700025"),
        UsageError,
        "application {client} does not take this way to log on ({code}{said})",
        "Name certificate or client_secret in the tenant file, and set the app registration's "
        "`Allow public client flows` to No.",
        "log-on-method",
    ),
    Case(
        ("AADSTS50049", "AADSTS700023", "AADSTS900432", "invalid_instance"),
        UsageError,
        "authority is not the sign-in service of the organization {tenant} ({code})",
        "Take api_root and authority out of the tenant file, or make both name the organization's cloud.",
        "wrong-authority",
    ),
    Case(
        ("AADSTS1002012", "AADSTS70011", "AADSTS500011", "invalid_scope", "invalid_resource"),
        UsageError,
        "the sign-in service gives no tokens for Microsoft Graph ({code}): it is that of another cloud, or "
        "we asked wrongly",
        "Take api_root and authority out of the tenant file; if they are not in it, tell the makers.",
        "wrong-scope",
    ),
)

_RIGHTS = (
    Case(
        ("AADSTS65001", "AADSTS650056", "AADSTS90094", "AADSTS90093"),
        RightsMissing,
        "nobody has consented to application {client} in the organization {tenant} ({code})",
        f"Have an administrator grant consent under Permissions in {_ENTERPRISE}, to User.Read.All at most: "
        "calendars are given by RBAC, and consent to Calendars.ReadWrite would open every mailbox.",
        "consent-missing",
    ),
    Case(
        ("AADSTS7000229",),
        RightsMissing,
        "application {client} has no service principal in the organization {tenant} ({code})",
        "Have an administrator make it with `New-MgServicePrincipal -AppId {client}`, or give consent.",
        "no-service-principal",
    ),
    Case(
        ("AADSTS7000112", "AADSTS70001"),
        RightsMissing,
        "application {client} is disabled in the organization {tenant} ({code})",
        f"Have an administrator set `Enabled for users to sign-in` to Yes in {_ENTERPRISE}.",
        "application-disabled",
    ),
    Case(
        ("AADSTS500014", "AADSTS650052", "AADSTS650054"),
        RightsMissing,
        "Microsoft Graph is disabled in the organization {tenant}, or not part of what it subscribed to "
        "({code})",
        f"Have an administrator enable Microsoft Graph in {_ENTERPRISE}, or check the subscription.",
        "graph-disabled",
    ),
    Case(
        ("AADSTS50105", "AADSTS501051"),
        RightsMissing,
        "application {client} needs an assignment that it does not have ({code})",
        f"Have an administrator set `Assignment required` to No in {_ENTERPRISE}.",
        "assignment-missing",
    ),
    Case(
        ("AADSTS53003", "AADSTS53000", "AADSTS53011", "AADSTS530035", "AADSTS50131"),
        RightsMissing,
        "conditional access for workload identities keeps application {client} out ({code})",
        "Have an administrator see the policy in the application's sign-in log, and let in the application "
        "or the address from which this machine reaches the internet.",
        "conditional-access",
    ),
)

_WAIT = (
    Case(
        ("AADSTS50196", "AADSTS90055"),
        Unreachable,
        "the sign-in service gets too many requests from application {client} ({code})",
        "Run again later, and see what else asks for tokens of this application.",
        "too-fast",
    ),
    Case(
        tuple(sorted(SIGN_IN_DOWN)),
        Unreachable,
        "Microsoft's sign-in service is out of order ({code})",
        "Run again later; see Service health in the Microsoft 365 admin center if it stays.",
        "sign-in-down",
    ),
)

SIGN_IN = (*_CREDENTIAL, *_TENANT_FILE, *_RIGHTS, *_WAIT)
NO_TOKEN = Case(
    (),
    RightsMissing,
    "Microsoft gives application {client} no token ({code}{said})",
    "Look the code up at https://login.microsoftonline.com/error and see the application's sign-in log; "
    "if neither helps, tell the makers.",
    "no-token",
)
