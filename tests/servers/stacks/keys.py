"""Certificates of every kind of key, and the files that servers want them in."""

from __future__ import annotations

import subprocess
from base64 import encodebytes
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from tests.servers.certificates import Identity, make_authority, make_leaf

NAME = "layanan.test"
PASSWORD = "stacks"  # noqa: S105 - of key files that live as long as a test

_BITS = 1024  # of DSA and DH: quick to make, and weak, as wanted
_SEQUENCE, _INTEGER = 0x30, 0x02


@dataclass(frozen=True, slots=True)
class KeyFile:
    """One certificate and its key: in two PEM files, in one, and in PKCS #12 under PASSWORD."""

    certificate: Path
    key: Path
    both: Path
    pkcs12: Path


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """A certificate per kind of key, and weak DH parameters.

    ``rsa`` ends with the DH parameters in ``both``; ``ecdsa`` is signed with ECDSA, ``ec_by_rsa``
    with RSA, which makes it fit for static ECDH of the other kind.
    """

    rsa: KeyFile
    ecdsa: KeyFile
    ec_by_rsa: KeyFile
    dsa: KeyFile
    dh: Path


def write_keys(directory: Path) -> KeyFiles:
    """Write the files into a folder."""
    rsa, ecdsa, ec_by_rsa = _identities()
    dsa_key = _dsa_key()
    weak = directory / "dh.pem"
    weak.write_bytes(_dh_parameters(dsa_key))
    return KeyFiles(
        rsa=_write(directory, "rsa", rsa.certificate, rsa.key, weak.read_bytes()),
        ecdsa=_write(directory, "ecdsa", ecdsa.certificate, ecdsa.key),
        ec_by_rsa=_write(directory, "ec_by_rsa", ec_by_rsa.certificate, ec_by_rsa.key),
        dsa=_write(directory, "dsa", _dsa_certificate(dsa_key), dsa_key),
        dh=weak,
    )


def _names(kind: str) -> tuple[str, str]:
    """The name of the kind comes first, as NSS files certificates under what they begin with."""
    return f"{kind}.{NAME}", NAME


def _write(
    directory: Path,
    name: str,
    certificate: x509.Certificate,
    key: pkcs12.PKCS12PrivateKeyTypes,
    more: bytes = b"",
) -> KeyFile:
    files = KeyFile(
        certificate=directory / f"{name}.crt",
        key=directory / f"{name}.key",
        both=directory / f"{name}.pem",
        pkcs12=directory / f"{name}.p12",
    )
    text = certificate.public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files.certificate.write_bytes(text)
    files.key.write_bytes(secret)
    files.both.write_bytes(secret + text + more)
    sealed = BestAvailableEncryption(PASSWORD.encode())
    packed = pkcs12.serialize_key_and_certificates(name.encode(), key, certificate, None, sealed)
    files.pkcs12.write_bytes(packed)
    return files


def write_dh_certificate(directory: Path, keys: KeyFiles, signer: KeyFile) -> KeyFile:
    """A certificate of a key for static DH, which only the openssl program can make."""
    name = f"dh-by-{signer.key.stem}"
    paths = [directory / f"{name}.{end}" for end in ("crt", "key", "pem", "p12")]
    files, public = KeyFile(*paths), directory / f"{name}.pub"
    signed = f"-CA {signer.certificate} -CAkey {signer.key} -out {files.certificate}"
    for command in (
        f"genpkey -paramfile {keys.dh} -out {files.key}",
        f"pkey -in {files.key} -pubout -out {public}",
        f"x509 -new -subj /CN={NAME} -days 90 -force_pubkey {public} {signed}",
    ):
        subprocess.run(["openssl", *command.split()], check=True, capture_output=True)
    return files


@cache
def _identities() -> tuple[Identity, Identity, Identity]:
    return (
        make_leaf(None, _names("rsa"), key="rsa2048"),
        make_leaf(None, _names("ecdsa")),
        make_leaf(make_authority(key="rsa2048"), _names("ec-by-rsa")),
    )


@cache
def _dsa_key() -> dsa.DSAPrivateKey:
    return dsa.generate_private_key(_BITS)


def _dh_parameters(key: dsa.DSAPrivateKey) -> bytes:
    """The group that a DSA key lives in, which DH can use as well, in PKCS #3.

    The library refuses to write it, as its prime is not a safe one.
    """
    numbers = key.parameters().parameter_numbers()
    der = _der(_SEQUENCE, _integer(numbers.p) + _integer(numbers.g))
    return b"-----BEGIN DH PARAMETERS-----\n%b-----END DH PARAMETERS-----\n" % encodebytes(der)


def _integer(number: int) -> bytes:
    return _der(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1))


def _der(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x82]) + len(content).to_bytes(2) + content


def _dsa_certificate(key: dsa.DSAPrivateKey) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _names("dsa")[0])])
    begins = datetime.now(UTC) - timedelta(days=1)
    builder = x509.CertificateBuilder(subject, subject, key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(begins).not_valid_after(begins + timedelta(days=90))
    names = x509.SubjectAlternativeName([x509.DNSName(name) for name in _names("dsa")])
    return builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
