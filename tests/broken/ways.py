"""Set-ups in which a service cannot be reached: names, ports, certificates, clocks and proxies."""

import json
import socket
from collections.abc import Mapping

from figgo_ops.checks import NETWORK, SUPPORT
from tests.broken.proxy import Proxy
from tests.broken.scene import (
    ELSEWHERE,
    EVERYWHERE,
    FIGGO_URL,
    Scene,
    Setup,
    Trouble,
    both,
    certificate,
    dated,
    door,
    fault,
    names,
    surroundings,
    written,
)

MINUTES = 60.0


def behind_proxy(how: str) -> Trouble:
    """Figgo is reached through a proxy only."""

    def arrange(scene: Scene) -> None:
        scene.corail.rewrite(FIGGO_URL.format_map(scene.corail.stage.urls), ELSEWHERE)
        proxy = scene.stack.enter_context(Proxy(how, scene.corail.home.path))
        surroundings(scene, HTTPS_PROXY=proxy.url, https_proxy=proxy.url, NO_PROXY="", no_proxy="")

    return arrange


def usual_authorities(scene: Scene) -> None:
    """Nobody named the company's own authority."""
    text = scene.corail.file.read_text(encoding="utf-8")
    head, _, rest = text.partition('kind = "exchange"')
    line = f"ca_file = {json.dumps(str(scene.corail.stage.ca_file))}\n"
    scene.corail.file.write_text(f'{head}kind = "exchange"{rest.replace(line, "", 1)}', encoding="utf-8")


WAYS: Mapping[str, Setup] = {
    "host not in DNS": Setup(
        both(written(FIGGO_URL, ELSEWHERE), names(socket.EAI_NONAME)),
        "Figgo: DNS",
        "dns-unknown",
        "not known",
        SUPPORT,
    ),
    "DNS silent": Setup(
        both(written(FIGGO_URL, ELSEWHERE), names(socket.EAI_AGAIN)),
        "Figgo: DNS",
        "dns-silent",
        "dns",
        NETWORK,
    ),
    "port of Figgo closed": Setup(
        door("closed", "figgo"), "Figgo: connection", "port-refused", "refused", SUPPORT
    ),
    "port of Exchange silent": Setup(
        door("silent", "exchange"),
        "exchange: certificate",
        "address-refused",
        "while other services let us in",
    ),
    "connections to Exchange reset": Setup(
        door("reset", "exchange"),
        "exchange: certificate",
        "address-refused",
        "while other services let us in",
        like="port of Exchange silent",
    ),
    "every service silent": Setup(
        door("silent", *EVERYWHERE),
        "Figgo: certificate",
        "tls-silent",
        "not say a word",
        NETWORK,
        also=("google: certificate", "exchange: certificate", "microsoft 365: certificate"),
    ),
    "HTTP without encryption": Setup(
        door("plain", "microsoft365"), "microsoft 365: certificate", "tls-none", "", SUPPORT
    ),
    "certificate of Figgo expired": Setup(
        certificate("figgo", "expired"), "Figgo: certificate", "certificate-expired", "expired", "Lucca"
    ),
    "certificate of Exchange expired": Setup(
        certificate("exchange", "expired"), "exchange: certificate", "certificate-expired", "expired"
    ),
    "certificate of Google expired": Setup(
        certificate("google", "expired"), "google: certificate", "certificate-expired", "expired"
    ),
    "certificate not yet valid": Setup(
        certificate("figgo", "not-yet-valid"),
        "Figgo: certificate",
        "certificate-not-yet",
        "not valid before",
        "Lucca",
    ),
    "certificate self-signed": Setup(
        certificate("exchange", "self-signed"),
        "exchange: certificate",
        "certificate-self-signed",
        "self-signed",
    ),
    "certificate of another name": Setup(
        certificate("exchange", "wrong-name"),
        "exchange: certificate",
        "certificate-other-name",
        "another name",
        SUPPORT,
    ),
    "certificate of an unknown authority": Setup(
        certificate("microsoft365", "untrusted"),
        "microsoft 365: certificate",
        "certificate-unknown-authority",
        "somebody else's authority",
        SUPPORT,
    ),
    "private authority not named": Setup(
        usual_authorities,
        "exchange: certificate",
        "certificate-unknown-authority",
        "rehearsal company authority",
        SUPPORT,
        like="certificate of an unknown authority",
    ),
    "certificate about to end": Setup(
        certificate("exchange", "ending"),
        "exchange: certificate",
        "certificate-ends",
        "ends on",
        status="warning",
    ),
    "our clock wrong": Setup(
        dated(20 * MINUTES, *EVERYWHERE),
        "Figgo: clock",
        "clock",
        "20 minutes",
        SUPPORT,
        also=("google: clock", "exchange: clock", "microsoft 365: clock"),
    ),
    "clock of Exchange wrong": Setup(
        dated(-20 * MINUTES, "exchange"),
        "exchange: clock",
        "server-clock",
        "behind: all other services agree",
    ),
    "clock of Exchange a little wrong": Setup(
        dated(3 * MINUTES, "exchange"),
        "exchange: clock",
        "server-clock",
        "3 minutes ahead",
        status="warning",
        like="clock of Exchange wrong",
    ),
    "proxy wants a log-on": Setup(behind_proxy("log-on"), "Figgo: proxy", "proxy-log-on", "log-on", NETWORK),
    "proxy refuses": Setup(behind_proxy("refuses"), "Figgo: proxy", "proxy-refused", "proxy", NETWORK),
    "proxy unreachable": Setup(behind_proxy("closed"), "Figgo: proxy", "proxy-unreachable", "proxy", NETWORK),
    "proxy reads along": Setup(
        behind_proxy("inspects"), "Figgo: certificate", "proxy-inspects", "decrypts", NETWORK
    ),
    "login page before Figgo": Setup(
        fault("figgo", "html"), "Figgo: key", "strange-answer", "a page", NETWORK
    ),
    "login page before Graph": Setup(
        fault("microsoft365", "html", path="/v1.0/*"),
        "microsoft 365: calendar",
        "strange-answer",
        "something other than microsoft graph",
        NETWORK,
    ),
}
