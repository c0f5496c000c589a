"""A small agent that polls for its mail. It needs Python 3.10 or newer, and nothing else.

    ROLLCALL_ID=demo ROLLCALL_TOKEN_FILE=demo.token python3 agent.py

ROLLCALL_URL is the platform. The file holds the credential from one start to the next: put it on a volume that
outlives the container. In a strict deployment the first credential comes with an enrolment token (rollcall enrol) in
ROLLCALL_ENROLMENT_TOKEN, or an operator writes it into the file (rollcall create).
"""
import http.client
import json
import os
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path


def required(name):
    """A variable of the environment that must be set."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise SystemExit(f"{name} is not set, or is empty: the first lines of this file say what it is for")
    return value


URL = os.environ.get("ROLLCALL_URL", "http://127.0.0.1:8080").rstrip("/")
ID = required("ROLLCALL_ID")
TOKEN_FILE = Path(required("ROLLCALL_TOKEN_FILE"))
ENROLMENT = os.environ.get("ROLLCALL_ENROLMENT_TOKEN", "")
POLL_SECONDS = float(os.environ.get("ROLLCALL_POLL_SECONDS", "0"))  # 0: as the platform asks
REFUSED_SECONDS = float(os.environ.get("ROLLCALL_REFUSED_SECONDS", "60"))
STARTED = time.monotonic()


class Problem(Exception):
    """An answer that is no success: its status, its code, and the platform's words for people. No answer has status 0."""

    def __init__(self, status, body):
        if not status:
            super().__init__(f"no answer: {body}")
            self.status, self.code = status, None
            return
        try:
            said = json.loads(body)
        except ValueError:  # a proxy's page
            said = {}
        super().__init__(f"HTTP {status}: {said.get('error', 'no reason given')}. {said.get('hint', '')}")
        self.status, self.code = status, said.get("code")


def credential():
    """Read the credential, None if there is none yet. No error shows it: an error ends in a log, which others read."""
    try:
        held = TOKEN_FILE.read_bytes().strip()
    except FileNotFoundError:
        return None
    if not held:
        wrong = "is empty: put the credential there, or remove the file"
    elif not all(byte in b" \t\r\n" or 0x20 < byte < 0x7F for byte in held):
        wrong = "has a byte that is no printable ASCII: write the credential there again"
    elif len(held.split()) > 1:
        wrong = "has more than one word: leave only the credential there"
    else:
        return held.decode()
    raise SystemExit(f"the file of the credential, {TOKEN_FILE}, {wrong}")


def call(method, path, body=None, told=None):
    """Make one call; told takes the answer's headers. Try again when the platform asks for it or can't be reached."""
    for attempt in range(6):
        headers = {"Content-Type": "application/json"}
        bearer = credential()  # read each time: somebody may have put a new one there
        if bearer:
            headers["Authorization"] = "Bearer " + bearer
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(URL + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                if told is not None:
                    told.update((name.lower(), value) for name, value in reply.headers.items())
                return json.load(reply)
        except urllib.error.HTTPError as error:
            problem = Problem(error.code, error.read())
            if error.code not in (429, 502, 503, 504):
                raise problem from None
            wait = int(error.headers.get("Retry-After") or 2**attempt)
        except (OSError, ValueError, http.client.HTTPException) as error:  # no answer, half of one, or no JSON
            problem, wait = Problem(0, error), 2**attempt
        print(problem, flush=True)
        time.sleep(wait)
    raise problem


def keep(credential):
    """Replace the credential in one step: a crash half way loses neither the old one nor the new."""
    new = TOKEN_FILE.with_name(TOKEN_FILE.name + ".new")
    new.touch(mode=0o600)
    new.write_text(credential)
    os.replace(new, TOKEN_FILE)


def register():
    """Say who this agent is. Keep the credential, if the answer has one."""
    me = {"id": ID, "delivery_mode": "poll", "agent_card": {"name": "poll-python"}, "enrolment_token": ENROLMENT}
    registered = call("POST", "/registry/register", me)
    if registered.get("auth_token"):
        keep(registered["auth_token"])
    print("registered, epoch", registered["epoch"], flush=True)
    return registered


def heartbeat(epoch):
    """Renew the lease, do what the answer asks for, and return when to call next."""
    uptime = int(time.monotonic() - STARTED)
    report = {"workspace_id": ID, "active_tasks": 0, "uptime_seconds": uptime, "epoch": epoch}
    beat = call("POST", "/registry/heartbeat", report)
    if beat.get("action") == "rotate":  # the old credential is good until the new one is used
        keep(call("POST", f"/workspaces/{ID}/rotate", {})["auth_token"])
    return time.monotonic() + beat["next_heartbeat_seconds"]


def answer(row):
    """Work on a message and answer who sent it. Put the real work here."""
    asked = row["request_body"]["params"]["message"]
    text = "you said: " + row["data"]["text"]
    if row["source_id"] == "_rollcall":  # the platform: what this agent sent to another one was not delivered
        lost = asked["metadata"]
        print("not delivered:", lost["in_reply_to"], "to", lost["target_id"], "is", lost["state"], flush=True)
    elif row["source_id"] is None:
        call("POST", f"/workspaces/{ID}/notify", {"message": text})
    elif not asked.get("referenceTaskIds"):  # an answer is not answered
        reply = {
            "role": "user",
            "messageId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{ID} answers {row['message_id']}")),
            "parts": [{"kind": "text", "text": text}],
            "referenceTaskIds": [row["message_id"]],
        }
        request = {"jsonrpc": "2.0", "id": reply["messageId"], "method": "message/send", "params": {"message": reply}}
        call("POST", f"/workspaces/{row['source_id']}/a2a", request)


def serve(epoch, due):
    """Poll for mail, and acknowledge each message when it is answered."""
    acknowledge = f"/workspaces/{ID}/activity/ack"
    call("POST", acknowledge, {"acked_seq": 0, "epoch": epoch})  # this agent acknowledges by number
    while True:
        told = {}
        for row in call("GET", f"/workspaces/{ID}/activity?type=a2a_receive&limit=20&epoch={epoch}", told=told):
            try:
                answer(row)
            except Problem as problem:
                if problem.status in (0, 401, 503):  # not the message's fault: it comes again
                    raise
                print("not answered:", problem, flush=True)
            except (KeyError, TypeError) as error:  # a message of another shape must not stop the ones after it
                print("not understood:", repr(error), flush=True)
            call("POST", acknowledge, {"acked_seq": row["seq"], "epoch": epoch})
        if time.monotonic() >= due:
            due = heartbeat(epoch)
        time.sleep(POLL_SECONDS or int(told.get("x-rollcall-next-poll", 5)))


def main():
    while True:
        try:
            registered = register()
            serve(registered["epoch"], time.monotonic() + registered["next_heartbeat_seconds"])
        except Problem as problem:
            print(problem, flush=True)
            if problem.code in ("epoch_superseded", "workspace_removed"):
                raise SystemExit(4)  # another host has taken this one's place, or the workspace was removed
            if problem.status == 401:  # after a repair, the next register brings a new credential
                time.sleep(REFUSED_SECONDS)


if __name__ == "__main__":
    main()
