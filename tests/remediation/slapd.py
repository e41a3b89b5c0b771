"""OpenLDAP's server, started on the loopback address with a small company in it, and a line to it that can lose its answers."""

import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from ldap3 import BASE, NONE, Connection, Server

BIND, PASSWORD = "cn=certify,dc=corp,dc=example", "p4ssword-of-the-directory"
#: The same with a limit of one entry.
SMALL = "cn=small,dc=corp,dc=example"
USERS, GROUPS = "ou=people,dc=corp,dc=example", "ou=groups,dc=corp,dc=example"
SCHEMAS = ("core", "cosine", "nis", "inetorgperson")
CONF = """
modulepath {modules}
moduleload back_mdb
pidfile {folder}/pid
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
database mdb
suffix "dc=corp,dc=example"
rootdn "cn=admin,dc=corp,dc=example"
rootpw admin
directory {folder}/db
limits dn.exact="{small}" size=1
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="cn=closed,{groups}" by * read
access to * by dn.exact="{bind}" write by * read
"""
#: Names that need care: a comma, a quote, a plus, letters beyond ASCII, parentheses, a star.
ODD = "Dahl\\2C Chloé \\22C\\22 \\2B (x*)"
ENTRIES = [
    ("dc=corp,dc=example", ["dcObject", "organization"], {"o": "Corp", "dc": "corp"}),
    (USERS, ["organizationalUnit"], {"ou": "people"}),
    (GROUPS, ["organizationalUnit"], {"ou": "groups"}),
    (BIND, ["organizationalRole", "simpleSecurityObject"], {"cn": "certify", "userPassword": PASSWORD}),
    (SMALL, ["organizationalRole", "simpleSecurityObject"], {"cn": "small", "userPassword": PASSWORD}),
    (f"cn={ODD},{USERS}", ["inetOrgPerson"], {"sn": "Dahl", "uid": "chloe"}),
    *(
        (f"uid={name},{USERS}", ["inetOrgPerson"], {"sn": name, "cn": name, "uid": name})
        for name in ("ana", "david", "bruno", "e1", "e2")
    ),
]
CHLOE, DAVID, ANA = f"cn={ODD},{USERS}", f"uid=david,{USERS}", f"uid=ana,{USERS}"


@dataclass
class Slapd:
    """Where it listens, in the clear and under TLS, its certificate, and its administrator's connection."""

    certificate: Path
    plain: str
    tls: str
    port: int
    admin: Connection

    def set_group(self, name: str, attribute: str, values: list[str]) -> None:
        """A group with exactly these members."""
        kind = {"member": "groupOfNames", "uniqueMember": "groupOfUniqueNames", "memberUid": "posixGroup"}[attribute]
        self.admin.delete(f"cn={name},{GROUPS}")
        more = {"gidNumber": "7"} if kind == "posixGroup" else {}
        if not self.admin.add(f"cn={name},{GROUPS}", [kind], {attribute: values, **more}):
            pytest.fail(str(self.admin.result))

    def members(self, name: str, attribute: str = "member") -> set[str]:
        """Who is in a group."""
        self.admin.search(f"cn={name},{GROUPS}", "(objectClass=*)", BASE, attributes=[attribute])
        return set(self.admin.response[0]["attributes"].get(attribute, []))


def program() -> str:
    """Where slapd is; a test that needs it fails with what to install."""
    places = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/usr/libexec"
    found = shutil.which(os.environ.get("SLAPD", "slapd"), path=places)
    return found or pytest.fail("Install your system's package 'slapd' (tests/install_slapd.sh), or set SLAPD to its path.")


def certificate(folder: Path) -> None:
    """A certificate of its own authority, for the loopback address."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "slapd")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    shapes = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(*shapes))


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return line.getsockname()[1]


def _first(*folders: str) -> Path:
    return next((Path(one) for one in folders if Path(one).exists()), Path(folders[0]))


@contextmanager
def running(folder: Path):
    """The server, until the block ends."""
    (folder / "db").mkdir()
    certificate(folder)
    schemas = _first("/etc/ldap/schema", "/etc/openldap/schema")
    modules = _first("/usr/lib/ldap", "/usr/lib64/openldap", "/usr/lib/openldap")
    text = "".join(f"include {schemas}/{name}.schema\n" for name in SCHEMAS)
    text += CONF.format(folder=folder, modules=modules, small=SMALL, groups=GROUPS, bind=BIND)
    (folder / "slapd.conf").write_text(text)
    ports = free_port(), free_port()
    plain, tls = f"ldap://127.0.0.1:{ports[0]}", f"ldaps://127.0.0.1:{ports[1]}"
    command = [program(), "-f", str(folder / "slapd.conf"), "-h", f"{plain} {tls}", "-d", "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        admin = _admin(ports[0], process)
        for dn, classes, values in ENTRIES:
            if not admin.add(dn, classes, values):
                pytest.fail(f"{dn}: {admin.result}")
        yield Slapd(folder / "cert.pem", plain, tls, ports[0], admin)
        admin.unbind()
    finally:
        process.terminate()
        process.wait()


def _admin(port: int, process: subprocess.Popen) -> Connection:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.02)
    server = Server("127.0.0.1", port, get_info=NONE)
    return Connection(server, "cn=admin,dc=corp,dc=example", "admin", auto_bind=True, check_names=False)


class Deaf:
    """A line to the server on which the answer to a change gets lost."""

    def __init__(self, port: int):
        self.port, self.lines = port, []
        self.listener = socket.create_server(("127.0.0.1", 0))

    def accept(self) -> None:
        """Take connections until the line is closed."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server, is_lost = socket.create_connection(("127.0.0.1", self.port)), threading.Event()
            self.lines += [client, server]
            for source, target, is_asking in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.forward, args=(source, target, is_lost, is_asking), daemon=True).start()

    def forward(self, source: socket.socket, target: socket.socket, is_lost: threading.Event, is_asking: bool) -> None:
        """Pass on what comes, until a change was asked for."""
        try:
            while data := source.recv(65536):
                # The operation stands behind the length and the number of the message: 0x66 is a modify request.
                if is_asking and 0x66 in data[2:9]:
                    is_lost.set()
                if is_asking or not is_lost.is_set():
                    target.sendall(data)
        except OSError:
            return


@contextmanager
def deaf(port: int):
    """Such a line, until the block ends: the port to use instead."""
    line = Deaf(port)
    threading.Thread(target=line.accept, daemon=True).start()
    try:
        yield line.listener.getsockname()[1]
    finally:
        line.listener.close()
        for one in line.lines:
            one.close()
