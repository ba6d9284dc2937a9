"""NTLM as a server speaks it: a challenge per connection, and whether the answer proves the password.

Written from Microsoft's protocol paper MS-NLMP, apart from the library that clients use: a shared bug
would hide itself. NTLM version 2 only; older answers prove nothing here, as on a hardened domain.
"""

from __future__ import annotations

import hmac
import secrets
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

NEGOTIATE, CHALLENGE, AUTHENTICATE = 1, 2, 3

_SIGNATURE = b"NTLMSSP\0"
_UNICODE, _SIGN, _SEAL, _KEY_EXCHANGE = 0x1, 0x10, 0x20, 0x4000_0000
# What the server agrees to if asked: texts, signing, session security, both lengths of key, version.
_AGREED = 0xE208_8235
# What it says unasked: NTLM, a target that is a domain, and the information about it.
_SAID = 0x0081_0204
_VERSION = struct.pack("<BBHxxxB", 10, 0, 20348, 15)
_TIMESTAMP, _FLAGS, _HAS_MIC = 7, 6, 0x2
_MIC = slice(72, 88)
# Windows counts in tenths of a microsecond since 1601.
_EPOCH_1601 = 11_644_473_600


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the server asked on a connection: both first messages as they went over the wire."""

    asked: bytes
    message: bytes
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A client's third message, taken apart; `anonymous` when it names nobody."""

    message: bytes
    domain: str
    user: str
    response: bytes
    sealed_key: bytes
    flags: int

    @property
    def anonymous(self) -> bool:
        """Whether no credentials at all are shown."""
        return not self.user and len(self.response) == 0

    def proves(self, challenge: Challenge, password: str) -> bool:
        """Say whether whoever wrote this knows the password and saw exactly that challenge."""
        proof, claims = self.response[:16], self.response[16:]
        if len(self.response) < 48:
            return False
        name = (self.user.upper() + self.domain).encode("utf-16-le")
        owner_key = _hmac_md5(md4(password.encode("utf-16-le")), name)
        expected = _hmac_md5(owner_key, challenge.nonce + claims)
        return hmac.compare_digest(proof, expected) and self._untouched(challenge, owner_key, claims)

    def _untouched(self, challenge: Challenge, owner_key: bytes, claims: bytes) -> bool:
        said = _pairs(claims[28:])
        if not int.from_bytes(said.get(_FLAGS, b""), "little") & _HAS_MIC:
            return True
        key = _hmac_md5(owner_key, self.response[:16])
        if self.flags & _KEY_EXCHANGE and self.flags & (_SIGN | _SEAL):
            key = rc4(key, self.sealed_key)
        blank = self.message[: _MIC.start] + bytes(16) + self.message[_MIC.stop :]
        return hmac.compare_digest(
            self.message[_MIC], _hmac_md5(key, challenge.asked + challenge.message + blank)
        )


def kind(message: bytes) -> int:
    """Tell which message of NTLM this is; ValueError when it is none."""
    if len(message) < 12 or not message.startswith(_SIGNATURE):
        raise ValueError("this is no NTLM message")
    return int(struct.unpack_from("<I", message, 8)[0])


def challenge(asked: bytes, domain: str, host: str, now: float) -> Challenge:
    """Answer a client's first message; ValueError when it cannot write Unicode."""
    if len(asked) < 16 or not (wanted := struct.unpack_from("<I", asked, 12)[0]) & _UNICODE:
        raise ValueError("the client offers no Unicode")
    netbios, nonce = domain.partition(".")[0].upper(), secrets.token_bytes(8)
    name, about = netbios.encode("utf-16-le"), _about(netbios, domain, host, now)
    message = (
        _SIGNATURE
        + struct.pack("<I", CHALLENGE)
        + struct.pack("<HHI", len(name), len(name), 56)
        + struct.pack("<I", wanted & _AGREED | _SAID)
        + nonce
        + bytes(8)
        + struct.pack("<HHI", len(about), len(about), 56 + len(name))
        + _VERSION
        + name
        + about
    )
    return Challenge(asked, message, nonce)


def answer(message: bytes) -> Answer:
    """Take a client's third message apart; ValueError when it is cut or not in Unicode."""
    if len(message) < 64:
        raise ValueError("the NTLM answer is cut")
    flags = struct.unpack_from("<I", message, 60)[0]
    if not flags & _UNICODE:
        raise ValueError("the NTLM answer is not in Unicode")
    response, domain, user, sealed_key = (_field(message, at) for at in (20, 28, 36, 52))
    return Answer(message, domain.decode("utf-16-le"), user.decode("utf-16-le"), response, sealed_key, flags)


def _field(message: bytes, at: int) -> bytes:
    length, _, start = struct.unpack_from("<HHI", message, at)
    if start + length > len(message):
        raise ValueError("the NTLM answer is cut")
    return message[start : start + length]


def _about(netbios: str, domain: str, host: str, now: float) -> bytes:
    texts = ((2, netbios), (1, host.partition(".")[0].upper()), (4, domain), (3, host))
    pairs = [(number, text.encode("utf-16-le")) for number, text in texts]
    pairs.append((_TIMESTAMP, struct.pack("<Q", int((now + _EPOCH_1601) * 10_000_000))))
    return b"".join(struct.pack("<HH", n, len(value)) + value for n, value in pairs) + bytes(4)


def _pairs(raw: bytes) -> Mapping[int, bytes]:
    found, at = {}, 0
    while at + 4 <= len(raw):
        number, length = struct.unpack_from("<HH", raw, at)
        if number == 0:
            break
        found[number] = raw[at + 4 : at + 4 + length]
        at += 4 + length
    return found


def _hmac_md5(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, "md5").digest()


def rc4(key: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt with RC4, which libraries have put away as decrepit."""
    box, j = list(range(256)), 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)


_Mix = Callable[[int, int, int], int]
_ROUNDS: tuple[tuple[_Mix, int, tuple[int, ...], tuple[int, ...]], ...] = (
    (lambda x, y, z: x & y | ~x & z, 0, tuple(range(16)), (3, 7, 11, 19)),
    (
        lambda x, y, z: x & y | x & z | y & z,
        0x5A827999,
        (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
        (3, 5, 9, 13),
    ),
    (
        lambda x, y, z: x ^ y ^ z,
        0x6ED9EBA1,
        (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15),
        (3, 9, 11, 15),
    ),
)


def md4(data: bytes) -> bytes:
    """Digest with MD4 (RFC 1320): NTLM rests on it, and OpenSSL 3 does not offer it any more."""
    state = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
    padded = data + b"\x80" + bytes(-(len(data) + 9) % 64) + struct.pack("<Q", 8 * len(data))
    for start in range(0, len(padded), 64):
        words = struct.unpack_from("<16I", padded, start)
        a, b, c, d = state
        for mix, constant, order, shifts in _ROUNDS:
            for step, index in enumerate(order):
                total = (a + mix(b, c, d) + words[index] + constant) & 0xFFFF_FFFF
                shift = shifts[step % 4]
                a, b, c, d = d, (total << shift | total >> 32 - shift) & 0xFFFF_FFFF, b, c
        a, b, c, d = ((old + new) & 0xFFFF_FFFF for old, new in zip(state, (a, b, c, d), strict=True))
        state = (a, b, c, d)
    return struct.pack("<4I", *state)
