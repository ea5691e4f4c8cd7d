"""The API over TLS: with a certificate of the cloud's own, and with the user's, exchanged while the cloud runs."""
import os
import socket
import ssl
import stat

import pytest
import requests
from cryptography import x509
from cs import CloudStack

from certificates import Authority
from cloud import Cloud, Host, free_port, until


class SecureCloud(Cloud):
    def __init__(self):
        super().__init__(index=1)
        self.secure_port = free_port()
        self.origin = f"https://127.0.0.1:{self.secure_port}"

    def verifying(self, trusted):
        return CloudStack(
            endpoint=self.origin + "/client/api", key=self.admin.key, secret=self.admin.secret, verify=trusted, retry=0)

    def serial(self):
        """The number of the certificate that is shown to the next connection."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", self.secure_port), 10) as plain:
            with context.wrap_socket(plain) as secure:
                return x509.load_der_x509_certificate(secure.getpeercert(binary_form=True)).serial_number

    def log(self):
        return open(f"{self.state}/log/manager.log").read()


class Files:
    """The user's certificate and key, in the files that `up` is told of."""

    def __init__(self, folder):
        self.certificate, self.key = f"{folder}/cloud.pem", f"{folder}/cloud.key"

    def put(self, certificate=None, key=None):
        for path, content in ((self.key, key), (self.certificate, certificate)):
            if content is not None:
                with open(path + ".new", "wb") as file:
                    file.write(content)
                os.rename(path + ".new", path)


@pytest.fixture(scope="module")
def cloud():
    before = Host()
    cloud = SecureCloud()
    try:
        yield cloud.up("--tls", f"127.0.0.1:{cloud.secure_port}")
    finally:
        cloud.purge()
    after = Host()
    assert after == before, after.difference(before)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"), "trusted")


@pytest.fixture(scope="module")
def files(cloud, authority, tmp_path_factory):
    """From here on the cloud shows the user's certificate."""
    files = Files(tmp_path_factory.mktemp("certificate"))
    files.put(*authority.server()[:2])
    cloud.daruma("up", "--tls-certificate", files.certificate, "--tls-key", files.key)
    return files


def test_a_certificate_of_the_clouds_own_is_believed_by_who_was_given_it(cloud):
    own = f"{cloud.state}/manager/tls.crt"
    assert cloud.verifying(own).listZones()["count"] == 2
    assert requests.get(f"https://localhost:{cloud.secure_port}/status", verify=own, timeout=10).status_code == 200
    with pytest.raises(requests.exceptions.SSLError):
        cloud.verifying(True).listZones()
    shown = os.stat(f"{cloud.state}/manager/tls.key")
    assert (stat.S_IMODE(shown.st_mode), shown.st_uid) == (0o600, 0)
    # A later start shows the same one.
    number = cloud.serial()
    cloud.down()
    cloud.daruma("up")
    assert cloud.serial() == number


def test_its_own_certificate_is_made_anew_for_another_address_and_before_it_ends(cloud, authority):
    own = f"{cloud.state}/manager/tls.crt"
    cloud.daruma("up", "--tls", f"127.0.0.2:{cloud.secure_port}")
    assert requests.get(f"https://127.0.0.2:{cloud.secure_port}/status", verify=own, timeout=10).status_code == 200
    cloud.daruma("up", "--tls", f"127.0.0.1:{cloud.secure_port}")
    number = cloud.serial()
    assert cloud.verifying(own).listZones()["count"] == 2
    cloud.down()
    # One that is for a day only.
    files = Files(f"{cloud.state}/manager")
    files.certificate, files.key = own, f"{cloud.state}/manager/tls.key"
    short = authority.server()
    files.put(*short[:2])
    cloud.daruma("up")
    assert cloud.serial() not in (number, short[2])
    assert cloud.verifying(own).listZones()["count"] == 2
    assert stat.S_IMODE(os.stat(files.key).st_mode) == 0o600
    assert 'level=notice part=manager message="the certificate ends soon' in cloud.log()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_without_tls_nothing_is_answered_there(cloud):
    with socket.create_connection(("127.0.0.1", cloud.secure_port), 10) as plain:
        plain.settimeout(10)
        plain.sendall(b"GET /client/api?command=listZones&response=json HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        try:
            while piece := plain.recv(4096):
                answer += piece
        except ConnectionResetError:
            pass
    assert b"HTTP/1" not in answer and b"zone" not in answer
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", cloud.secure_port), 10) as plain:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            old.wrap_socket(plain)


# It waits for longer than a minute.
if os.environ.get("DARUMA_FULL"):
    @pytest.mark.parametrize("greets", [False, True])
    def test_who_asks_for_nothing_is_let_go(cloud, greets):
        with socket.create_connection(("127.0.0.1", cloud.secure_port), 100) as kept:
            if greets:
                context = ssl.create_default_context(cafile=f"{cloud.state}/manager/tls.crt")
                kept = context.wrap_socket(kept, server_hostname="localhost")
            assert kept.recv(1) == b"", "the connection ends"


def test_a_session_over_tls_has_cookies_for_tls_only(cloud):
    form = {
        "command": "login", "response": "json", "username": "admin", "password": cloud.admin_file["password"]}
    own = f"{cloud.state}/manager/tls.crt"
    for origin, is_secure in ((cloud.origin, True), (f"http://127.0.0.1:{cloud.port}", False)):
        browser = requests.Session()
        answer = browser.post(origin + "/client/api", data=form, verify=own, timeout=10)
        assert answer.status_code == 200 and len(browser.cookies) == 2
        assert {cookie.secure for cookie in browser.cookies} == {is_secure}
        query = {"command": "listZones", "response": "json", "sessionkey": answer.json()["loginresponse"]["sessionkey"]}
        assert browser.get(origin + "/client/api", params=query, verify=own, timeout=10).status_code == 200


def test_what_cannot_be_served_is_refused_before_anything_stops(cloud, authority, tmp_path):
    files = Files(tmp_path)
    manager, number = cloud.process("manager"), cloud.serial()
    mine, other = authority.server(), authority.server()
    files.put(mine[0], other[1])
    for more, told in (
        (["--tls-certificate", files.certificate, "--tls-key", files.key], "--tls off"),
        (["--tls-certificate", f"{tmp_path}/none", "--tls-key", files.key], "No such file"),
        (["--tls-certificate", files.certificate], "go together"),
        (["--tls", str(cloud.port)], "in use"),
        (["--metrics-port", str(cloud.port)], "in use"),
        (["--tls", "nonsense"], "PORT"),
    ):
        refused = cloud.daruma("up", *more, check=False)
        assert refused.returncode != 0 and told in refused.stderr, (more, refused.stderr)
    assert (cloud.process("manager"), cloud.serial()) == (manager, number)
    assert "already" in cloud.daruma("up").stdout, "what was refused is not remembered"


def test_the_users_certificate_is_exchanged_without_a_restart(cloud, authority, files):
    assert cloud.verifying(authority.file).listZones()["count"] == 2
    with pytest.raises(requests.exceptions.SSLError):
        cloud.verifying(f"{cloud.state}/manager/tls.crt").listZones()
    manager = cloud.process("manager")
    with requests.Session() as kept:
        assert kept.get(cloud.origin + "/status", verify=authority.file, timeout=10).status_code == 200
        certificate, key, number = authority.server()
        files.put(certificate, key)
        until(lambda: cloud.serial() == number, 10, "the new certificate is shown")
        assert kept.get(cloud.origin + "/status", verify=authority.file, timeout=10).status_code == 200
    assert cloud.verifying(authority.file).listZones()["count"] == 2
    assert cloud.process("manager") == manager and "took up a new certificate" in cloud.log()


def test_a_certificate_that_does_not_serve_is_told_and_the_last_one_stays(cloud, authority, files):
    number = cloud.serial()
    next_one = authority.server()
    for broken in (
        lambda: files.put(certificate=b"-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n"),
        lambda: files.put(certificate=next_one[0]),
        lambda: files.put(certificate=b""),
    ):
        told = cloud.log().count("the new certificate does not serve")
        broken()
        until(
            lambda: cloud.serial() == number and cloud.log().count("the new certificate does not serve") > told, 10,
            "it is told")
    line = [line for line in cloud.log().splitlines() if "does not serve" in line][-1]
    assert "level=error" in line and files.certificate in line
    assert cloud.verifying(authority.file).listZones()["count"] == 2
    os.remove(files.certificate)
    assert cloud.serial() == number
    files.put(*next_one[:2])
    until(lambda: cloud.serial() == next_one[2], 10, "the next right one is taken up")


def test_tls_ends_when_it_is_turned_off(cloud, files):
    cloud.daruma("up", "--tls", "off")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", cloud.secure_port), 10)
    assert cloud.admin.listZones()["count"] == 2
