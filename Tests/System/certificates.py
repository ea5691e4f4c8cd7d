"""A certificate authority of a test's own, and servers that show its certificates."""
import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """`file` is what believes it; `context` is a server's at 127.0.0.1."""

    def __init__(self, folder, name):
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = f"{folder}/{name}.pem"
        constraints = (x509.BasicConstraints(ca=True, path_length=None), True)
        certificate = self.sign(self.name, self.key, constraints)
        with open(self.file, "wb") as file:
            file.write(certificate.public_bytes(serialization.Encoding.PEM))

    def sign(self, subject, key, *extensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        for extension, isCritical in extensions:
            builder = builder.add_extension(extension, isCritical)
        return builder.sign(self.key, hashes.SHA256())

    def server(self):
        """A server's certificate and its key, both as PEM, and the certificate's serial number."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
        certificate = self.sign(subject, key, (names, False))
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return certificate.public_bytes(serialization.Encoding.PEM), secret, certificate.serial_number

    def context(self):
        certificate, key, number = self.server()
        path = f"{self.folder}/server-{number}.pem"
        with open(path, "wb") as file:
            file.write(key + certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


class Front:
    """Takes TLS connections and passes what they say on to `port`, as a reverse proxy does."""

    def __init__(self, context, port):
        self.context, self.target, self.count = context, port, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(near,), daemon=True).start()

    def carry(self, near):
        try:
            with self.context.wrap_socket(near, server_side=True) as near:
                with socket.create_connection(("127.0.0.1", self.target), 10) as far:
                    inward = threading.Thread(target=self.copy, args=(near, far), daemon=True)
                    inward.start()
                    self.count += 1
                    self.copy(far, near)
                    # Who still reads a socket that is closed would read the next one of its number.
                    for one in (near, far):
                        with contextlib.suppress(OSError):
                            socket.socket.shutdown(one, socket.SHUT_RDWR)
                    inward.join()
        except OSError:
            pass

    @staticmethod
    def copy(source, target):
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
        except (OSError, ValueError):
            pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
