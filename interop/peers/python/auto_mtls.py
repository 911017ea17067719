"""go-plugin's AutoMTLS: for each launch, each side makes a self-signed certificate for localhost, on curve P-521."""

import base64
import os
import ssl
import subprocess
import tempfile
from dataclasses import dataclass

CONFIG = """
[req]
distinguished_name = name
x509_extensions = v3
prompt = no
[name]
CN = localhost
[v3]
basicConstraints = critical, CA:TRUE
keyUsage = critical, digitalSignature, keyCertSign
extendedKeyUsage = clientAuth, serverAuth
subjectAltName = DNS:localhost
"""


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, in PEM."""

    certificate: bytes
    key: bytes


def make_identity():
    with tempfile.TemporaryDirectory() as directory:
        config, key, certificate = (os.path.join(directory, name) for name in ("conf", "key", "crt"))
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG)
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp521r1", "-nodes"]
        files = ["-config", config, "-keyout", key, "-out", certificate]
        subprocess.run(["openssl", "req", "-x509", *curve, "-days", "2", *files], check=True, capture_output=True)
        return Identity(read(certificate), read(key))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def to_handshake_field(identity):
    """The certificate as DER, in base64 without padding."""
    der = ssl.PEM_cert_to_DER_cert(identity.certificate.decode())
    return base64.b64encode(der).decode().rstrip("=")


def from_handshake_field(field):
    """The certificate in PEM."""
    if "=" in field:
        raise ValueError("the certificate in the handshake line is padded")
    der = base64.b64decode(field + "=" * (-len(field) % 4), validate=True)
    return ssl.DER_cert_to_PEM_cert(der).encode()
