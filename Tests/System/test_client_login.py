"""Sessions: logging in by name and password, as CloudMonkey and the console do."""
import http.client
import json
import urllib.parse
import xml.etree.ElementTree

import pytest

from cloud import Cloud


@pytest.fixture(scope="module")
def cloud():
    cloud = Cloud(index=3)
    try:
        yield cloud.up()
    finally:
        cloud.purge()


class Browser:
    """Keeps cookies, as an HTTP client does."""

    def __init__(self, cloud):
        self.address = urllib.parse.urlsplit(cloud.admin_file["endpoint"])
        self.cookies = {}

    def send(self, command, method="POST", response="json", **parameters):
        form = urllib.parse.urlencode({"command": command, "response": response, **parameters})
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=20)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request("POST", self.address.path, form, headers)
        else:
            connection.request("GET", f"{self.address.path}?{form}", headers=headers)
        answer = connection.getresponse()
        for header in answer.headers.get_all("Set-Cookie") or []:
            assert "HttpOnly" in header and "SameSite=Lax" in header
            name, value = header.split(";")[0].split("=", 1)
            self.cookies[name] = value
        body = answer.read()
        return answer.status, json.loads(body) if body[:1] == b"{" else body

    def login(self, username, password, **more):
        return self.send("login", username=username, password=password, **more)


def test_the_administrator_logs_in_calls_and_logs_out(cloud):
    browser, keys = Browser(cloud), cloud.admin_file
    status, answer = browser.login(keys["username"], keys["password"])
    assert status == 200
    told = answer["loginresponse"]
    assert (told["type"], told["timeout"], told["account"], told["is2faenabled"]) == ("1", 1800, "admin", "false")
    key = told["sessionkey"]
    assert browser.cookies["sessionkey"] == key and "JSESSIONID" in browser.cookies
    for method in ("GET", "POST"):
        status, answer = browser.send("listZones", method, sessionkey=key)
        assert status == 200 and answer["listzonesresponse"]["count"] == 2
    assert browser.send("nonsense", "GET", sessionkey=key)[0] == 432
    assert browser.send("logout", sessionkey=key) == (200, {"logoutresponse": {"description": "success"}})
    assert browser.send("listZones", "GET", sessionkey=key)[0] == 401
    assert browser.send("logout", sessionkey=key)[0] == 431


def test_a_session_without_its_key_is_ended(cloud):
    keys = cloud.admin_file
    for forge in ({}, {"sessionkey": "0" * 64}, "cookie"):
        browser = Browser(cloud)
        key = browser.login(keys["username"], keys["password"])[1]["loginresponse"]["sessionkey"]
        right = browser.cookies["sessionkey"]
        if forge == "cookie":
            browser.cookies["sessionkey"] = "0" * 64
            assert browser.send("listZones", "GET", sessionkey=key)[0] == 401
            browser.cookies["sessionkey"] = right
        else:
            assert browser.send("listZones", "GET", **forge)[0] == 401
        assert browser.send("listZones", "GET", sessionkey=key)[0] == 401, "the session goes on"


def test_what_is_wrong_is_refused_alike(cloud):
    keys = cloud.admin_file
    texts = set()
    for username, password in ((keys["username"], "wrong"), ("nobody", keys["password"]), ("", ""), ("x" * 300, "y")):
        status, answer = Browser(cloud).login(username, password)
        assert status == 531 and answer["loginresponse"]["errorcode"] == 531
        texts.add(answer["loginresponse"]["errortext"])
    assert len(texts) == 1
    assert Browser(cloud).login(keys["username"], keys["password"], domain="/nowhere")[0] == 531
    assert Browser(cloud).login(keys["username"], keys["password"], domain="/ROOT/")[0] == 200
    assert Browser(cloud).send("login", "GET", username=keys["username"], password=keys["password"])[0] == 405
    status, body = Browser(cloud).send("login", response="xml", username=keys["username"], password="wrong")
    assert status == 531 and xml.etree.ElementTree.fromstring(body).tag == "loginresponse"


def test_a_session_can_do_what_its_user_may_and_no_more(cloud):
    cloud.admin.createAccount(
        username="sam", password="secret-of-sam", firstname="s", lastname="s", email="s@example.org", accounttype=0)
    browser = Browser(cloud)
    key = browser.login("sam", "secret-of-sam")[1]["loginresponse"]["sessionkey"]
    assert browser.send("listHosts", sessionkey=key)[0] == 432
    accounts = browser.send("listAccounts", sessionkey=key, listall="true")[1]["listaccountsresponse"]["account"]
    assert [account["name"] for account in accounts] == ["sam"]
    cloud.admin.deleteAccount(id=accounts[0]["id"])
    assert browser.send("listAccounts", sessionkey=key)[0] == 401
    assert Browser(cloud).login("sam", "secret-of-sam")[0] == 531


def test_who_guesses_has_to_wait_and_others_need_not(cloud):
    for name in ("tom", "tim"):
        cloud.admin.createAccount(
            username=name, password="right", firstname="t", lastname="t", email="t@example.org", accounttype=0)
    for _ in range(5):
        assert Browser(cloud).login("tom", "guess")[0] == 531
    status, answer = Browser(cloud).login("tom", "right")
    assert status == 531 and "wait" in answer["loginresponse"]["errortext"]
    assert Browser(cloud).login("tim", "right")[0] == 200
