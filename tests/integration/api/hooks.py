"""What Schemathesis does around each request."""

import atexit
import collections
import itertools
import json
import os
import re

import schemathesis

SETTING = json.loads(os.environ["CONTRACT_SETTING"])
RUN_ID = re.compile("[0-9A-Z]{26}")
numbers = itertools.count(1)
statuses = collections.defaultdict(collections.Counter)


@schemathesis.hook
def before_call(context, case, kwargs):
    # The server slows down whoever tries unknown tokens: each request comes from an address of its own.
    number = next(numbers)
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    case.headers = {**(case.headers or {}), "X-Forwarded-For": address}
    label, parameters = case.operation.label, case.path_parameters or {}
    # The token of these requests is one that lists name.
    if label == "DELETE /api/tokens/{id}" and parameters.get("id") == SETTING["token"]:
        parameters["id"] = "another"
    # So are the grants of whoever asks.
    if case.method in ("DELETE", "PATCH") and parameters.get("user") in SETTING["users"]:
        parameters["user"] = "another"
    if isinstance(case.body, dict) and case.body.get("holder") in SETTING["users"]:
        case.body["holder"] = "another"
    # The events of a run that has not ended come to no end either.
    if label == "GET /api/runs/{id}/events" and RUN_ID.fullmatch(str(parameters.get("id"))):
        parameters["id"] = SETTING["ended"]
    # It would wait for an answer that never comes.
    if label.startswith(("GET /api/connectors/", "POST /api/connectors/")) and parameters.get("name") == "slow":
        parameters["name"] = "shop"


@schemathesis.hook
def after_call(context, case, response):
    statuses[f"{case.method} {case.operation.path}"][response.status_code] += 1


@atexit.register
def tell():
    with open(SETTING["statuses"], "w", encoding="utf-8") as file:
        json.dump(statuses, file)
