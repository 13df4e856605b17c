"""Signs in to a demo portal as its administrator, the way a browser does, makes an access token, and with it opens an
incident and starts a run.

Prints JSON: the token, and by their names what stands in the API's paths. Arguments: the portal's address. It needs the
packages of schemathesis.
"""

import json
import re
import sys
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import requests

# Of the demo's people, the one who may do everything (crates/identity/src/demo.rs).
ADMINISTRATOR = "demo-anton"


def main() -> None:
    portal = sys.argv[1]
    browser = requests.Session()
    # Nothing of whoever runs this decides by which way the portal is asked.
    browser.trust_env = False

    asked = browser.get(f"{portal}/auth/sign-in", allow_redirects=False, timeout=10)
    choice = urlsplit(asked.headers["location"])
    browser.post(
        urlunsplit(choice._replace(query="")),
        data=[*parse_qsl(choice.query), ("person", ADMINISTRATOR)],
        headers={"Origin": f"{choice.scheme}://{choice.netloc}"},
        timeout=10,
    ).raise_for_status()

    page = browser.post(
        f"{portal}/api/make_token",
        data={"name": "schemathesis", "days": "1", "scopes[read]": "on", "scopes[run]": "on", "scopes[incidents]": "on"},
        headers={"Sec-Fetch-Site": "same-origin", "Accept": "text/html"},
        timeout=10,
    )
    page.raise_for_status()
    token = re.search(r"rbp_[A-Za-z0-9_-]{48}", page.text).group()

    def post(path: str, body: dict) -> dict:
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.post(f"{portal}/api/v1{path}", json=body, headers=headers, timeout=10)
        answer.raise_for_status()
        return answer.json()

    # A procedure of the samples whose first command is over at once.
    names = {"runbook": "checkout-service", "procedure": "1-1-rolling-restart"}
    incident = post("/incidents", {"title": "Checkout fails", "environment": "practice"})["summary"]["id"]
    run = post(f"/incidents/{incident}/runs", {**names, "environment": "practice"})["run"]
    execution = post(f"/runs/{run}/commands/1/press", {})["id"]
    note = {"text": "Seen", "attachment": {"name": "seen.txt", "base64": "c2Vlbg=="}}
    attachment = post(f"/runs/{run}/notes", note)["notes"][0]["attachment"]["id"]
    parts = {"command": "1", "part": "1", "step": "1"}
    parameters = {**names, **parts, "incident": incident, "run": run, "execution": execution, "attachment": attachment}
    print(json.dumps({"token": token, "parameters": parameters}))


main()
