"""SASL mechanisms against the specifications' own figures, and against servers that lie."""

from __future__ import annotations

import base64

import pytest
import scramp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from scramp import ScramClient, ScramMechanism

from trainbot.adapters.irc import mechanisms
from trainbot.adapters.irc.mechanisms import EcdsaChallenge, External, ScramSha256
from trainbot.adapters.irc.registration import Registration
from trainbot.adapters.irc.sasl import Credentials, SaslRefused, chunks
from trainbot.adapters.irc.wire import parse
from trainbot.config.irc_login import SASL_MECHANISMS


def key(curve: ec.EllipticCurve) -> bytes:
    made = ec.generate_private_key(curve)
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_external_says_nothing() -> None:
    """The certificate is the proof and says whose account it opens; asked twice, we go."""
    external = External(Credentials("trainbot"))
    assert (external.respond(b""), external.complete) == (b"", True)
    with pytest.raises(SaslRefused):
        external.respond(b"")


def test_scram_as_rfc_7677_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exchange of RFC 7677 section 3, octet for octet; success counts only after the server's signature."""
    monkeypatch.setattr(scramp, "ScramClient", lambda *given: ScramClient(*given, c_nonce="rOprNGfwEbeRWgbNEkqO"))
    scram = ScramSha256(Credentials("user", lambda: "pencil"))
    assert scram.respond(b"") == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    assert scram.respond(b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096") == (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert not scram.complete
    assert scram.respond(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=") == b""
    assert scram.complete


class Server:
    """A SCRAM server that knows ``password``; ``lie`` changes what it says last."""

    def __init__(self, password: str, lie=lambda message: message) -> None:
        mechanism = ScramMechanism()
        info = mechanism.make_auth_info(password)
        self._server, self._lie = mechanism.make_server(lambda name: info), lie

    def talk(self, scram: ScramSha256) -> None:
        self._server.set_client_first(scram.respond(b"").decode())
        self._server.set_client_final(scram.respond(self._server.get_server_first().encode()).decode())
        scram.respond(self._lie(self._server.get_server_final()).encode())


@pytest.mark.parametrize("password", ["pencil", "grün und blau", "x" * 500, "a,b=c"])
def test_scram_with_another_implementation(password: str) -> None:
    """Passwords of any letters and length pass between us and a server."""
    scram = ScramSha256(Credentials("trainbot", lambda: password))
    Server(password).talk(scram)
    assert scram.complete


@pytest.mark.parametrize(
    "lie",
    [
        lambda message: "v=" + base64.b64encode(b"\0" * 32).decode(),
        lambda message: "",
        lambda message: "v=",
        lambda message: "e=other-error",
        lambda message: "x=1",
        lambda message: message[:-4],
    ],
)
def test_a_server_that_does_not_know_the_password(lie) -> None:
    """A wrong signature at the end is no login, and the password is not said."""
    scram = ScramSha256(Credentials("trainbot", lambda: "geheim"))
    with pytest.raises(SaslRefused) as refused:
        Server("geheim", lie).talk(scram)
    assert not scram.complete
    assert "geheim" not in str(refused.value) and refused.value.__cause__ is None


@pytest.mark.parametrize(
    "first",
    [
        "",
        "r=abc",
        "r=abc,s=AAAA,i=4096",
        "r={n}x,s=AAAA,i=4096000000",
        "r={n}x,s=AAAA,i=1",
        "r={n}x,s=AAAA,i=²",
        "r={n}x,s=!,i=4096",
        "e=unknown-user",
        "m=x,r={n}x,s=AAAA,i=4096",
    ],
)
def test_a_server_that_says_rubbish_first(first: str) -> None:
    """Another nonce, no salt, iterations for a day or for nothing: the exchange ends."""
    scram = ScramSha256(Credentials("trainbot", lambda: "geheim"))
    nonce = scram.respond(b"").decode().rpartition("r=")[2]
    with pytest.raises(SaslRefused):
        scram.respond(first.replace("{n}", nonce).encode())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=4))
def test_no_challenge_is_more_than_a_refusal(challenges: list[bytes]) -> None:
    """Whatever a server sends, a mechanism answers or refuses."""
    for mechanism in (
        mechanism(Credentials("a", lambda: "b", lambda: b""))
        for name, mechanism in mechanisms.MECHANISMS.items()
        if name != "ecdsa-nist256p-challenge"
    ):
        try:
            for challenge in challenges:
                mechanism.respond(challenge)
        except SaslRefused:
            pass
        assert not (mechanism.name == "SCRAM-SHA-256" and mechanism.complete)


def test_ecdsa_signs_the_challenge_itself() -> None:
    """The account alone, then a signature over the server's octets that our public key verifies."""
    pem = key(ec.SECP256R1())
    ecdsa = EcdsaChallenge(Credentials("trainbot", key=lambda: pem))
    assert ecdsa.respond(b"") == b"trainbot"
    challenge = bytes(range(32))
    signature = ecdsa.respond(challenge)
    mechanisms.load_key(pem).public_key().verify(signature, challenge, ec.ECDSA(Prehashed(SHA256())))
    assert ecdsa.complete
    with pytest.raises(SaslRefused):
        ecdsa.respond(challenge)


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN PRIVATE KEY-----", key(ec.SECP384R1())])
def test_a_key_that_is_none(pem: bytes) -> None:
    """Another curve, or no key at all, is said when bot.ini is read."""
    with pytest.raises(ValueError, match="not a"):
        mechanisms.load_key(pem)


class Talk:
    """A registration that may use several mechanisms, on a server that offers ``offered``."""

    def __init__(self, *sasl: str, offered: str = "sasl") -> None:
        self.it = Registration("bot", "bot", "a bot", sasl=sasl, credentials=Credentials("bot", lambda: "geheim"))
        self.it.start()
        self.hears(f"CAP * LS :{offered}")
        self.said = self.hears("CAP * ACK :sasl")

    def hears(self, line: str) -> list[str]:
        return self.it.receive(parse(f":irc.test {line}"))


@pytest.mark.parametrize(
    ("sasl", "offered", "first"),
    [
        (("external", "plain"), "sasl", "EXTERNAL"),
        (("external", "plain"), "sasl=PLAIN,ECDSA", "PLAIN"),
        (("scram-sha-256", "plain"), "sasl=PLAIN,SCRAM-SHA-256", "SCRAM-SHA-256"),
        (("plain", "scram-sha-256"), "sasl=scram-sha-256,plain", "PLAIN"),
    ],
)
def test_mechanisms_in_our_order(sasl: tuple[str, ...], offered: str, first: str) -> None:
    """The first of ours that the server offers; all in turn where it does not say."""
    assert Talk(*sasl, offered=offered).said == [f"AUTHENTICATE {first}"]


def test_the_next_mechanism_after_a_refusal() -> None:
    """One that is refused is followed by the next; when none is left, it is a denial and we go."""
    talk = Talk("external", "plain")
    assert talk.hears("AUTHENTICATE +") == ["AUTHENTICATE +"]
    assert talk.hears("904 bot :no") == ["AUTHENTICATE PLAIN"]
    talk.hears("AUTHENTICATE +")
    assert talk.hears("904 bot :wrong password") == ["QUIT :cannot register"]  # nothing is under way
    assert talk.it.denied


def test_a_lying_scram_server_gets_no_password() -> None:
    """After a wrong signature no other mechanism is tried: PLAIN would tell that server the password."""
    talk = Talk("scram-sha-256", "plain")
    talk.hears("AUTHENTICATE +")
    said = talk.hears(f"AUTHENTICATE {chunks(b'v=AAAA')[0]}")
    assert said == ["AUTHENTICATE *", "QUIT :cannot register"]
    assert not talk.it.denied


def test_success_before_the_servers_signature_is_a_lie() -> None:
    """903 in the middle of SCRAM is not believed."""
    talk = Talk("scram-sha-256")
    talk.hears("AUTHENTICATE +")
    assert talk.hears("903 bot :success") == ["QUIT :cannot register"]


def test_every_mechanism_that_configuration_allows_is_implemented() -> None:
    """bot.ini's names (trainbot.config.irc_login) are the ones there are."""
    assert tuple(mechanisms.MECHANISMS) == SASL_MECHANISMS
