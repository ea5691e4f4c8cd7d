"""CloudStack's wire protocol by hand, for what a well-behaved client does not send."""
import base64
import hashlib
import hmac
import http.client
import json
import urllib.parse

import pytest
from cs import CloudStackApiException


def signed(parameters, secret):
    """The query string of `parameters`, signed."""
    pairs = [(name, urllib.parse.quote(str(value), safe="*")) for name, value in sorted(parameters.items())]
    text = "&".join(f"{name}={value}" for name, value in pairs).lower()
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()
    query = "&".join(f"{urllib.parse.quote(name, safe='[]')}={value}" for name, value in pairs)
    return query + "&signature=" + urllib.parse.quote(base64.b64encode(digest).decode(), safe="")


class Wire:
    """One kept connection to a cloud's API."""

    def __init__(self, cloud, client=None):
        self.port = cloud.port
        self.key, self.secret = (client.key, client.secret) if client else (None, None)
        self.connection = None

    def send(self, query, method="POST", headers=None):
        """Sends `query` as it stands; answers with the status and the body's bytes."""
        for attempt in (1, 2):
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                body = None
                target = "/client/api"
                if method == "POST":
                    body = query
                    headers = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
                else:
                    target += "?" + query
                self.connection.request(method, target, body=body, headers=headers or {})
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, OSError):
                self.connection = None
                if attempt == 2:
                    raise

    def call(self, command, method="POST", **parameters):
        """A signed call; answers with the status and what stands in the envelope."""
        everything = {"command": command, "response": "json", "apiKey": self.key, **parameters}
        status, body = self.send(signed(everything, self.secret), method)
        envelope = json.loads(body)
        assert len(envelope) == 1, envelope
        return status, next(iter(envelope.values()))


def refused(code, call, *arguments, text=None, **parameters):
    """The error text of a call of the `cs` client, or of its job, that must fail with `code`."""
    with pytest.raises(CloudStackApiException) as caught:
        call(*arguments, **parameters)
    error = caught.value.error
    if "jobresult" in error:
        error = error["jobresult"]
    assert error["errorcode"] == code, error
    if text is not None:
        assert text.lower() in error["errortext"].lower(), error
    return error["errortext"]


def everything(client):
    """All that the lists show to `client`, for comparison before and after."""
    shown = {}
    for api in client.listApis()["api"]:
        name = api["name"]
        # The state of the network and its probes changes by itself.
        if not name.startswith("list") or name in ("listApis", "listDataplaneScopes", "listPlanDifferences"):
            continue
        known = {parameter["name"] for parameter in api["params"]}
        more = {"listall": "true"} if "listall" in known else {}
        if name == "listTemplates":
            more["templatefilter"] = "executable"
        if name == "listNics":
            machines = client.listVirtualMachines(listall="true").get("virtualmachine", [])
            shown[name] = [client.listNics(virtualmachineid=machine["id"]) for machine in machines]
            continue
        # What belongs to one thing is asked for with it.
        if {parameter["name"] for parameter in api["params"] if parameter["required"]} <= set(more):
            shown[name] = getattr(client, name)(**more)
    return shown
