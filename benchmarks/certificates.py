"""Create a TLS certificate for the mock service, and a CA bundle with which clients verify it."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path
from typing import NamedTuple

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_VALIDITY = dt.timedelta(days=1)
#: RFC 5280 requires it of a certificate authority; Python checks it from 3.13 on.
_CA_KEY_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class Files(NamedTuple):
    """
    Files for TLS.

    :param certificate: Certificate of the service.
    :param key: Private key of the certificate.
    :param bundle: The public certificate authorities and the one that signed the certificate. It is as large as a real
        bundle, because clients take time to read it.
    """

    certificate: Path
    key: Path
    bundle: Path


def make(folder: Path, address: str) -> Files:
    """
    Create a certificate authority and a certificate that it signs.

    :param folder: Folder for the files.
    :param address: IP address in the certificate.
    """
    files = Files(folder / "certificate.pem", folder / "key.pem", folder / "bundle.pem")
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority, service = _name("Benchmark authority"), _name("Benchmark service")
    authority_certificate = (
        _builder(authority, authority, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .add_extension(_CA_KEY_USAGE, critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        _builder(service, authority, key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    files.certificate.write_bytes(_pem(certificate))
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    files.bundle.write_bytes(Path(certifi.where()).read_bytes() + b"\n" + _pem(authority_certificate))
    return files


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _VALIDITY)
        .not_valid_after(now + _VALIDITY)
    )
