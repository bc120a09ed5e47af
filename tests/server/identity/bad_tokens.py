"""Bad tokens, each one step away from a good one and signed as well as its maker could."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.issuer import Issuer
from tests.servers.key_server import KeyServer, PrivateKey, public_jwk, rsa_key

Bad = Iterator[tuple[str, str]]
GONE: Any = ...
STRANGER = rsa_key()
# A value of every type of JSON, and the empty ones.
ODD: tuple[Any, ...] = (None, True, 0, -1, 1.5, "", " ", "x" * 300, [], {}, [None], ["a", 1], {"a": "b"})


def part(content: Any) -> str:
    """A part of a token: bytes as they are, anything else as JSON."""
    raw = content if isinstance(content, bytes) else json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True)
class Maker:
    """Makes tokens as one issuer does."""

    key: PrivateKey
    algorithm: str
    header: dict[str, Any]
    claims: Callable[[], dict[str, Any]]
    stranger: PrivateKey = STRANGER

    def good(self) -> str:
        return self.made()

    def made(self, header: Any = None, claims: Any = None, key: Any = None, algorithm: str = "") -> str:
        """A signed token; a mapping changes what is usual, and `...` takes a name out."""
        head = self._changed({"alg": self.algorithm, **self.header}, header)
        body = self._changed(self.claims(), claims)
        signed = f"{part(head)}.{part(body)}"
        name = algorithm or self.algorithm
        return f"{signed}.{part(self.sign(signed.encode(), self.key if key is None else key, name))}"

    @staticmethod
    def sign(signed: bytes, key: Any, algorithm: str) -> bytes:
        if algorithm == "none":
            return b""
        if algorithm.startswith("HS"):
            return hmac.digest(key, signed, f"sha{algorithm[2:]}")
        return jwt.get_algorithm_by_name(algorithm).sign(signed, key)

    @staticmethod
    def _changed(usual: dict[str, Any], change: Any) -> Any:
        if change is None or isinstance(change, dict):
            return {name: value for name, value in {**usual, **(change or {})}.items() if value is not GONE}
        return change

    def doubled(self, name: str, first: Any, *, in_header: bool) -> str:
        """A token in which a name stands twice, first with another value."""
        head, body = {"alg": self.algorithm, **self.header}, self.claims()
        told = head if in_header else body
        twice = b"{" + f"{json.dumps(name)}:{json.dumps(first)},".encode() + json.dumps(told)[1:].encode()
        return self.made(twice, None) if in_header else self.made(None, twice)


def maker_of(server: KeyServer) -> Maker:
    return Maker(server.key, "RS256", {"kid": server.kid, "typ": "JWT"}, server.claims)


def own_maker(issuer: Issuer, typ: str = "at+jwt") -> Maker:
    def claims() -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": issuer.name,
            "aud": issuer.audience,
            "azp": "desk",
            "sub": "ada@example.com",
            "tenant": "bookshop",
            "role": "user",
            "email": "ada@example.com",
            "email_verified": True,
            "iat": now,
            "exp": now + 3600,
        }

    return Maker(issuer._key, "EdDSA", {"kid": issuer.kid, "typ": typ}, claims, Ed25519PrivateKey.generate())


def shapes(maker: Maker) -> Bad:
    """What is no token at all, or nearly one."""
    good = maker.good()
    head, body, signature = good.split(".")
    yield "nothing", ""
    yield "one word", "abc"
    yield "dots alone", ".."
    yield "one part", head
    yield "two parts", f"{head}.{body}"
    yield "no signature", f"{head}.{body}."
    yield "no header", f".{body}.{signature}"
    yield "no claims", f"{head}..{signature}"
    yield "four parts", f"{good}.{signature}"
    yield "five parts", f"{head}.{body}.{signature}.{body}.{signature}"
    yield "leading dot", f".{good}"
    yield "trailing dot", f"{good}."
    yield "doubled dot", good.replace(".", "..", 1)
    yield "a space within", f"{head} .{body}.{signature}"
    yield "two tokens", f"{good} {good}"
    yield "two tokens with a comma", f"{good},{good}"
    yield "padding", f"{head}=.{body}.{signature}"
    yield "padded signature", f"{good}=="
    yield "another alphabet", f"{head}.{body}.+/{signature[2:]}"
    yield "quoted", f'"{good}"'
    yield "percent", good.replace(".", "%2e")
    yield "a letter beyond ASCII", f"{head}.{body}.é{signature[1:]}"
    yield "huge", "a" * 5000
    yield "huge parts", ".".join(["a" * 4000] * 3)
    yield "just too long", f"{head}.{part(maker.claims() | {'x': 'y' * 8000})}.{signature}"
    yield "long header", maker.made({"x": "y" * 3000})
    yield "upper case", good.upper()
    yield "reversed", good[::-1]


def signatures(maker: Maker) -> Bad:
    """Right claims with a wrong signature."""
    good = maker.good()
    head, body, signature = good.split(".")
    other = maker.made(None, {"sub": "somebody else"}).split(".")
    yield "cut", good[:-4]
    yield "cut to half", f"{head}.{body}.{signature[: len(signature) // 2]}"
    yield "longer", f"{good}AAAA"
    yield "one letter changed", f"{head}.{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    yield "another spelling of the last bits", f"{head}.{body}.{_other_last_bits(signature)}"
    yield "of another token", f"{head}.{body}.{other[2]}"
    yield "another token's claims", f"{head}.{other[1]}.{signature}"
    yield "claims rewritten", f"{head}.{part(maker.claims() | {'sub': 'root'})}.{signature}"
    yield "header rewritten", f"{part({'alg': maker.algorithm, **maker.header, 'x': 1})}.{body}.{signature}"
    yield "zeros", f"{head}.{body}.{part(bytes(64))}"
    yield "a stranger's key under our kid", maker.made(key=maker.stranger)
    yield "a stranger's key under its kid", maker.made({"kid": "stranger"}, key=maker.stranger)


def _other_last_bits(signature: str) -> str:
    """The same bytes, spelled with bits that nobody reads; lengths that have none get a letter more."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spare = len(signature) % 4
    if not spare:
        return signature + "A"
    return signature[:-1] + alphabet[alphabet.index(signature[-1]) + 1]


def algorithms(maker: Maker) -> Bad:
    """Algorithms that the issuer does not use."""
    for name in ("none", "None", "NONE", "nOnE", "", " ", "RS256 ", "rs256", "eddsa", "HS", "ES256K", "RS1"):
        yield f"alg {name!r} unsigned", maker.made({"alg": name}, algorithm="none")
        yield f"alg {name!r} signed", maker.made({"alg": name})
    for odd in (None, 1, True, ["none"], [maker.algorithm], {"alg": "none"}, GONE):
        yield f"alg of a type {odd!r}", maker.made({"alg": odd})
    for name in ("HS256", "HS384", "HS512"):
        for what, secret in _public_spellings(maker):
            yield f"{name} with {what}", maker.made({"alg": name}, key=secret, algorithm=name)
    if isinstance(maker.key, rsa.RSAPrivateKey):
        for name in ("RS384", "RS512", "PS256", "PS384", "PS512"):
            yield f"{name} is not pinned", maker.made({"alg": name}, algorithm=name)
            yield f"{name} called RS256", maker.made(algorithm=name)
    curve = ec.generate_private_key(ec.SECP256R1())
    yield "ES256 by a stranger", maker.made({"alg": "ES256"}, key=curve, algorithm="ES256")
    edwards = Ed25519PrivateKey.generate()
    yield "EdDSA by a stranger", maker.made({"alg": "EdDSA"}, key=edwards, algorithm="EdDSA")
    yield "RS256 by a stranger", maker.made({"alg": "RS256"}, key=STRANGER, algorithm="RS256")


def _public_spellings(maker: Maker) -> Iterator[tuple[str, bytes]]:
    """The public key as somebody may take it for a shared secret."""
    public = maker.key.public_key()
    encoding, shape = serialization.Encoding, serialization.PublicFormat
    jwk = public_jwk(maker.key, maker.header["kid"])
    yield "the PEM", public.public_bytes(encoding.PEM, shape.SubjectPublicKeyInfo)
    yield "the DER", public.public_bytes(encoding.DER, shape.SubjectPublicKeyInfo)
    yield "the JWK", json.dumps(jwk).encode()
    yield "its number", str(jwk.get("n") or jwk.get("x")).encode()
    yield "its kid", maker.header["kid"].encode()
    yield "an empty secret", b""


def key_names(maker: Maker) -> Bad:
    """Names of keys that mean none of the issuer's, or lead elsewhere."""
    kid = maker.header["kid"]
    names: list[str] = [
        "",
        " ",
        "unknown",
        f"{kid} ",
        f" {kid}",
        kid.upper() + "X",
        f"{kid}\0",
        "\u200b" + kid,
    ]
    names += ["../../../dev/null", "/etc/passwd", "' or '1'='1", "http://evil.example/key", "x" * 1000]
    names += ["0", "*", "null"]
    for name in names:
        yield f"kid {name[:20]!r}", maker.made({"kid": name})
    for odd in (None, True, 0, 1, [], [kid], {}, {"kid": kid}, GONE):
        yield f"kid of a type {odd!r}", maker.made({"kid": odd})


def offered_keys(maker: Maker, evil: str) -> Bad:
    """Headers that bring a stranger's key along."""
    jwk = public_jwk(maker.stranger, "stranger")
    as_algorithm = "RS256" if isinstance(maker.stranger, rsa.RSAPrivateKey) else "EdDSA"
    for kid in (maker.header["kid"], "stranger"):
        for name, value in {
            "jwk": jwk,
            "jku": f"{evil}/keys",
            "x5u": f"{evil}/chain.pem",
            "x5c": ["MIIB"],
            "jwks": {"keys": [jwk]},
            "jwks_uri": f"{evil}/keys",
        }.items():
            header = {name: value, "kid": kid, "alg": as_algorithm}
            yield f"{name} with kid {kid}", maker.made(header, key=maker.stranger, algorithm=as_algorithm)


def other_ways(maker: Maker, types: tuple[Any, ...]) -> Bad:
    """Headers that want to be read in another way, and types of other uses."""
    ways: dict[str, tuple[Any, ...]] = {
        "crit": (["exp"], [], "exp", ["b64"], None, {}),
        "b64": (False, True),
        "zip": ("DEF",),
        "enc": ("A256GCM",),
        "cty": ("JWT", "json"),
    }
    for name, values in ways.items():
        for value in values:
            yield f"{name} {value!r}", maker.made({name: value})
    for typ in types:
        yield f"typ {typ!r}", maker.made({"typ": typ})


def texts(maker: Maker) -> Bad:
    """Headers and claims that are no JSON objects, or not only one."""
    head = json.dumps({"alg": maker.algorithm, **maker.header}).encode()
    body = json.dumps(maker.claims()).encode()
    spoiled: dict[str, Callable[[bytes], bytes]] = {
        "empty": lambda _: b"",
        "a word": lambda _: b"token",
        "a number": lambda _: b"1",
        "null": lambda _: b"null",
        "a list": lambda text: b"[" + text + b"]",
        "a text": lambda text: json.dumps(text.decode()).encode(),
        "no object in it": lambda _: b"{}",
        "cut": lambda text: text[:-1],
        "more after it": lambda text: text + b"{}",
        "a comma too many": lambda text: text[:-1] + b",}",
        "a mark before it": lambda text: b"\xef\xbb\xbf" + text,
        "in 16 bits": lambda text: text.decode().encode("utf-16"),
        "broken UTF-8": lambda text: text[:-1] + b',"x":"\xff\xfe"}',
        "a comment": lambda text: text + b"/* x */",
        "single quotes": lambda text: text.replace(b'"', b"'"),
        "no number": lambda text: text[:-1] + b',"x":NaN}',
        "endless": lambda text: text[:-1] + b',"x":Infinity}',
        "deep": lambda text: text[:-1] + b',"x":' + b"[" * 2400 + b"]" * 2400 + b"}" * 2,
        "a huge number": lambda text: text[:-1] + b',"x":' + b"9" * 4500 + b"}",
    }
    for name, spoil in spoiled.items():
        yield f"header: {name}", maker.made(spoil(head), body)
        yield f"claims: {name}", maker.made(head, spoil(body))


def odd_claims(
    maker: Maker, required: dict[str, tuple[Any, ...]], optional: dict[str, tuple[Any, ...]]
) -> Bad:
    """Each claim missing, of every wrong type, and doubled. The values given are those that are fine."""
    for name, fine in required.items():
        yield f"no {name}", maker.made(None, {name: GONE})
        yield f"{name} twice", maker.doubled(name, "first", in_header=False)
        for odd in (odd for odd in ODD if odd not in fine):
            yield f"{name} is {str(odd)[:12]!r}", maker.made(None, {name: odd})
    for name, fine in optional.items():
        for odd in (odd for odd in ODD if odd not in fine):
            yield f"{name} is {str(odd)[:12]!r}", maker.made(None, {name: odd})
    for name in ("alg", "kid", "typ"):
        yield f"{name} twice", maker.doubled(name, "none", in_header=True)


def times(maker: Maker) -> Bad:
    """Too early, too late, too long."""
    now = int(time.time())
    for name, claims in {
        "expired": {"iat": now - 600, "exp": now - 10},
        "expired long ago": {"iat": 1, "exp": 2},
        "expires when it begins": {"iat": now, "exp": now},
        "expires before it begins": {"iat": now, "exp": now - 3},
        "issued tomorrow": {"iat": now + 86400, "exp": now + 90000},
        "issued in an hour": {"iat": now + 3600},
        "counts from tomorrow": {"nbf": now + 86400},
        "counts in an hour": {"nbf": now + 3600},
        "a time in words": {"exp": str(now + 300)},
        "a time as a date": {"exp": "2099-01-01T00:00:00Z"},
        "milliseconds": {"iat": now * 1000, "exp": now * 1000 + 300},
        "at the end of time": {"exp": 1e300},
        "negative": {"exp": -now},
        "an old token that was made longer": {"iat": -1},
    }.items():
        yield name, maker.made(None, claims)
    for text in (b"1e400", b"-1e400", b"1E999999"):
        body = json.dumps(maker.claims() | {"exp": "AT"}).encode().replace(b'"AT"', text)
        yield f"exp {text.decode()}", maker.made(None, body)


def foreign(maker: Maker, values: dict[str, tuple[Any, ...]]) -> Bad:
    """Claims of the right type that mean somebody or something else."""
    for name, wrong in values.items():
        for value in wrong:
            yield f"{name} {str(value)[:40]!r}", maker.made(None, {name: value})
