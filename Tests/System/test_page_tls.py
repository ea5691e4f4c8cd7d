"""The page's mails and webhooks over TLS and by a local sendmail: to servers that can be believed, and to those that cannot."""
import hashlib
import hmac
import json
import os
import stat
import urllib.parse
from email import message_from_bytes

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from certificates import Authority
from cloud import free_port, until
from status_page import Page, document, now
from test_page_readers import Hook, Inbox, in_trouble, text_of

PASSWORD = "mail password"


class Letterbox(Inbox):
    """Knows by which way each mail came."""

    def __init__(self):
        super().__init__()
        self.secure, self.users = [], []

    async def handle_DATA(self, server, session, envelope):
        self.secure.append(session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None)
        return await super().handle_DATA(server, session, envelope)

    def authenticate(self, server, session, envelope, mechanism, data):
        self.users.append((data.login, data.password))
        return AuthResult(success=data.password == PASSWORD.encode())


def serve(box, **options):
    controller = Controller(box, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    return controller


def page_with_mail(folder, authority, route, **mail):
    return Page(
        folder, trustFile=authority.file, webhookAddresses=["127.0.0.1"],
        mail={"from": "status@example.jp", "route": route} | mail).start()


def subscribe(page):
    form = urllib.parse.urlencode({"mail": "reader@example.com", "lang": "en"}).encode()
    assert page.request("/status/subscribe", form)[0] == 202


@pytest.mark.parametrize("way", ["smtp+starttls", "smtps"])
def test_mail_goes_over_tls_with_a_password(tmp_path, way):
    authority, box = Authority(tmp_path, "trusted"), Letterbox()
    tls = {"tls_context": authority.context(), "require_starttls": True} if way == "smtp+starttls" else {
        "ssl_context": authority.context(), "auth_require_tls": False}
    controller = serve(box, authenticator=box.authenticate, auth_required=True, **tls)
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    page = page_with_mail(
        tmp_path, authority, f"{way}://127.0.0.1:{controller.port}", user="page", passwordFile=str(secret))
    try:
        subscribe(page)
        until(lambda: box.mails, 15, f"the mail arrives: {open(f'{page.folder}/page.log').read()[-1500:]}")
        assert box.secure == [True] and box.users == [(b"page", PASSWORD.encode())]
        assert box.mails[0][1] == ["reader@example.com"] and page.url in text_of(box.mails[0][2])
        assert PASSWORD not in open(f"{page.folder}/page.log").read()
    finally:
        page.stop()
        controller.stop()


@pytest.mark.parametrize("way", ["smtp+starttls", "smtps", "no-starttls"])
def test_nothing_is_sent_to_a_server_that_cannot_be_believed(tmp_path, way):
    authority, other, box = Authority(tmp_path, "trusted"), Authority(tmp_path, "other"), Letterbox()
    options = {
        "smtp+starttls": {"tls_context": other.context()}, "smtps": {"ssl_context": other.context()}, "no-starttls": {}}[way]
    controller = serve(box, **options)
    witness_box = Letterbox()
    witness = serve(witness_box, tls_context=authority.context(), require_starttls=True)
    scheme = "smtps" if way == "smtps" else "smtp+starttls"
    page = page_with_mail(tmp_path, authority, f"{scheme}://127.0.0.1:{controller.port}")
    try:
        subscribe(page)
        log = f"{page.folder}/page.log"
        until(lambda: "was not taken" in open(log).read(), 15, f"the failure is logged: {open(log).read()}")
        assert box.mails == []
        assert "reader@example.com" not in open(log).read(), "no reader's address in logs"
        page.stop()
        # The same page with the server that it believes: the mail was kept, or is asked for again.
        page.settings["mail"]["route"] = f"smtp+starttls://127.0.0.1:{witness.port}"
        page.start()
        form = urllib.parse.urlencode({"mail": "other@example.com", "lang": "en"}).encode()
        assert page.request("/status/subscribe", form)[0] == 202
        until(lambda: witness_box.mails, 15, "the believed one gets its mail")
    finally:
        page.stop()
        controller.stop()
        witness.stop()


SENDMAIL = """#!/bin/sh
printf '%s\\n' "$@" > "$0.arguments"
{body}
"""


def script(path, body):
    path.write_text(SENDMAIL.replace("{body}", body))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_mail_goes_by_a_local_sendmail(tmp_path):
    path = script(tmp_path / "sendmail", 'cat > "$0.mail.new" && mv "$0.mail.new" "$0.mail"')
    page = page_with_mail(tmp_path, Authority(tmp_path, "trusted"), path)
    try:
        subscribe(page)
        until(lambda: os.path.exists(path + ".mail"), 15, f"it is run: {open(f'{page.folder}/page.log').read()[-1500:]}")
        assert open(path + ".arguments").read().split() == ["-i", "-f", "status@example.jp", "--", "reader@example.com"]
        mail = open(path + ".mail", "rb").read()
        assert b"\nTo: <reader@example.com>\n" in mail and b"\r" not in mail, "lines end as on this machine"
        assert page.url in text_of(message_from_bytes(mail))
    finally:
        page.stop()


def test_a_sendmail_that_fails_is_tried_again_and_harms_nobody(tmp_path):
    # It reads nothing, so that the page's writing breaks.
    path = script(tmp_path / "sendmail", 'echo >> "$0.count"; exec 0<&-; exit 75')
    page = page_with_mail(tmp_path, Authority(tmp_path, "trusted"), path)
    try:
        subscribe(page)
        until(lambda: os.path.exists(path + ".count"), 15, "it is run")
        script(tmp_path / "sendmail", 'cat > "$0.mail.new" && mv "$0.mail.new" "$0.mail"')
        if not os.path.exists(path + ".mail"):
            until(lambda: page.answers() and os.path.exists(path + ".mail"), 20, "it is tried again")
    finally:
        page.stop()


class SecureHook(Hook):
    def __init__(self, context):
        super().__init__()
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request, client_address):
        pass


def test_webhooks_go_over_tls_to_who_can_be_believed(tmp_path):
    authority, other = Authority(tmp_path, "trusted"), Authority(tmp_path, "other")
    page = Page(tmp_path, webhookAddresses=["127.0.0.1"], trustFile=authority.file).start()
    good, bad = SecureHook(authority.context()), SecureHook(other.context())
    try:
        assert page.feed(document()) == 204
        secrets = {}
        for hook in (good, bad):
            body = json.dumps({"webhook": f"https://127.0.0.1:{hook.server_port}/hook"}).encode()
            status, _, text = page.request("/status/subscribe", body, {"Content-Type": "application/json"})
            assert status == 201, text
            secrets[hook] = json.loads(text)["secret"]
        lost = in_trouble(page)
        # The first call is refused by the hook, the second one taken.
        until(lambda: len(good.calls) >= 2, 20, "it is told")
        assert page.feed(document(None, lost, now())) == 204
        until(lambda: json.loads(good.calls[-1][1])["incident"]["status"] == "resolved", 20, "the end is told")
        for headers, body in good.calls:
            fields = dict(part.split("=") for part in headers["X-Daruma-Signature"].split(","))
            right = hmac.new(secrets[good].encode(), fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
            assert hmac.compare_digest(right, fields["v1"])
        assert bad.calls == []
    finally:
        page.stop()
        for hook in (good, bad):
            hook.shutdown()
