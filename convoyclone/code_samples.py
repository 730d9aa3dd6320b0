"""Write samples of code for the operations of the OpenAPI document, from the example of each request.

A sample reads the server's URL, the credential and the ids from the environment, so that it runs as it stands. Python
has the calls of Convoy's own client (convoy-python) for the operations of Convoy's document, of Svix's and Nahook's
clients for theirs, and otherwise plain requests, as the other languages have.
"""

import json
import pprint
import re
from typing import Any, NamedTuple

from core.api.documents import Schema
from core.api.envelope import JSON

METHODS = ("get", "post", "put", "patch", "delete")
#: The variable that holds a credential, by its scheme, and the header that carries it where it has one of its own.
_CREDENTIALS = {"PortalToken": "PORTAL_TOKEN", "SvixToken": "SESSION_TOKEN"}
_OWN_HEADERS = {"FeatherKey": "x-api-key"}
_OWNER = 'os.environ["OWNER_ID"]'
#: The operations that the Python clients of other products have: the product, what is imported beside it, the call.
_OTHER_CLIENTS = {
    "v1.authentication.app-portal-access": (
        "svix",
        "AppPortalAccessIn, ",
        f"authentication.app_portal_access({_OWNER}, AppPortalAccessIn())",
    ),
    "v1.authentication.expire-all": (
        "svix",
        "ApplicationTokenExpireIn, ",
        f"authentication.expire_all({_OWNER}, ApplicationTokenExpireIn())",
    ),
    "v1.authentication.logout": ("svix", "", "authentication.logout()"),
    "CreateNahookPortalSession": ("nahook", "", f'portal_sessions.create(os.environ["PROJECT_ID"], {_OWNER})'),
}
#: The tags of operations that convoy-python has, and the operations below them that it has not, or names otherwise.
_CONVOYS = {
    *("Projects", "Endpoints", "EventTypes", "Subscriptions", "Filters", "Events", "Event Deliveries"),
    *("Delivery Attempts", "Meta Events", "Onboard", "Portal Links"),
}
_NOT_CONVOYS = {
    *("SendTestEvent", "TestOAuth2Connection", "GetEndpointPeriodFailureRates", "GetDeliveryLinks"),
    *("CreateDeliveryLink", "RevokeDeliveryLink", "CreateReplayJob", "CreateRetryJob"),
    *("GetOnboardBatches", "GetOnboardBatch"),
    *("GetPortalLinkScope", "CreateImportJob", "CopyEventDelivery"),
}
#: Values of the parameters that a query must have, where the document lists none.
_REQUIRED_VALUES = {"startDate": "2026-11-01T00:00:00"}


class Call(NamedTuple):
    """The request that the samples of all languages make. `path` has its parameters in braces."""

    method: str
    path: str
    credential: str
    own_header: str
    body: Any

    def url(self, start: str, end: str) -> str:
        """Return the URL with each variable between `start` and `end`."""
        path = re.sub(r"\{(\w+)\}", lambda found: f"{start}{variable(found[1])}{end}", self.path)
        return f"{start}SERVER_URL{end}{path}"

    def text(self, indent: int = 2) -> str:
        """Return the body as JSON."""
        return json.dumps(self.body, indent=indent, ensure_ascii=False)


def variable(parameter: str) -> str:
    """Return the environment variable that holds a path's parameter: PROJECT_ID for projectID."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", parameter).upper()


def add_samples(result: Schema, **_: Any) -> Schema:
    """Add the samples to each operation, as a postprocessing hook."""
    for path, item in result["paths"].items():
        for method in METHODS:
            if operation := item.get(method):
                operation["x-codeSamples"] = _samples(method, path, operation, result)
    return result


def _samples(method: str, path: str, operation: Schema, document: Schema) -> list[dict[str, str]]:
    [[scheme]] = operation["security"]
    [server] = operation["servers"] if "servers" in operation else document["servers"]
    content = operation.get("requestBody", {}).get("content", {}).get(JSON, {})
    examples = [example["value"] for example in content.get("examples", {}).values()]
    required = [one for one in operation.get("parameters", []) if one["in"] == "query" and one.get("required")]
    values = [f"{one['name']}={_REQUIRED_VALUES.get(one['name']) or one['schema']['enum'][0]}" for one in required]
    call = Call(
        method.upper(),
        server["url"].rstrip("/") + path + "?" * bool(values) + "&".join(values),
        _CREDENTIALS.get(scheme, "API_KEY"),
        _OWN_HEADERS.get(scheme, ""),
        examples[0] if examples else None,
    )
    client = _convoy_python(operation, call, content) or _other_client(operation, call)
    return [
        {"lang": "Shell", "label": "curl", "source": _curl(call)},
        {"lang": "Python", "label": "Python", "source": client or _httpx(call)},
        {"lang": "JavaScript", "label": "JavaScript", "source": _javascript(call)},
        {"lang": "Go", "label": "Go", "source": _go(call)},
        {"lang": "PHP", "label": "PHP", "source": _php(call)},
        {"lang": "Ruby", "label": "Ruby", "source": _ruby(call)},
    ]


def _curl(call: Call) -> str:
    header = f"{call.own_header}: " if call.own_header else "Authorization: Bearer "
    method = "" if call.method == "GET" else f"-X {call.method} "
    lines = [f'curl {method}"{call.url("$", "")}"', f'-H "{header}${call.credential}"']
    if call.body is not None:
        quoted = call.text().replace("'", "'\\''")
        lines += ["-H 'Content-Type: application/json'", f"-d '{quoted}'"]
    return " \\\n  ".join(lines)


def _value(value: Any, indent: int) -> str:
    """Return a Python literal, whose further lines are indented."""
    return pprint.pformat(value, width=90, sort_dicts=False).replace("\n", "\n" + " " * indent)


def _convoy_python(operation: Schema, call: Call, content: Schema) -> str:
    """Return the call of convoy-python; blank for an operation or a body that it does not have."""
    reference = content.get("schema", {}).get("$ref", "")
    is_convoys = operation["tags"][0] in _CONVOYS and operation["operationId"] not in _NOT_CONVOYS
    if not is_convoys or (call.body is not None and not reference):
        return ""
    module = _snake(operation["operationId"])
    models, bodies = "", ""
    if call.body is not None:
        model = "".join(part[0].upper() + part[1:] for part in reference.rpartition("/")[2].split("."))
        models = f"from convoy.models import {model}\n"
        start = f"    body={model}.from_dict("
        bodies = f"{start}{_value(call.body, len(start))}),\n"
    ids = "".join(f'    os.environ["{variable(name)}"],\n' for name in re.findall(r"\{(\w+)\}", call.path))
    # The one parameter of a query that the client requires, which the server ignores
    query = '    org_id="",\n' if any(one["name"] == "orgID" for one in operation.get("parameters", [])) else ""
    return (
        "import os\n\nfrom convoy import AuthenticatedClient\n"
        f"from convoy.api.{_snake(operation['tags'][0])} import {module}\n{models}\n"
        'client = AuthenticatedClient(os.environ["SERVER_URL"] + "/api", token=os.environ["API_KEY"])\n'
        f"answer = {module}.sync_detailed(\n{ids}    client=client,\n{bodies}{query})\nprint(answer.content.decode())"
    )


def _other_client(operation: Schema, call: Call) -> str:
    """Return the call of Svix's or Nahook's client; blank for another operation."""
    product, imported, made = _OTHER_CLIENTS.get(operation["operationId"], ("", "", ""))
    if product == "svix":
        return (
            f"import os\n\nfrom svix.api import {imported}Svix, SvixOptions\n\n"
            f'svix = Svix(os.environ["{call.credential}"], SvixOptions(server_url=os.environ["SERVER_URL"]))\n'
            f"print(svix.{made})"
        )
    if product == "nahook":
        return (
            "import os\n\nfrom nahook import NahookManagement\n\n"
            'with NahookManagement(os.environ["API_KEY"], base_url=os.environ["SERVER_URL"]) as nahook:\n'
            f"    print(nahook.{made})"
        )
    return ""


def _httpx(call: Call) -> str:
    name, before = (call.own_header, "") if call.own_header else ("Authorization", "Bearer ")
    secret = f"os.environ['{call.credential}']"
    address = re.sub(r"\$\((\w+)\)", r"{os.environ['\1']}", call.url("$(", ")"))
    value = f'f"{before}{{{secret}}}"' if before else secret.replace("'", '"')
    body = "" if call.body is None else f"    json={_value(call.body, 9)},\n"
    return (
        "import os\n\nimport httpx\n\n"
        f'answer = httpx.request(\n    "{call.method}",\n    f"{address}",\n'
        f'    headers={{"{name}": {value}}},\n{body})\nprint(answer.text)'
    )


def _javascript(call: Call) -> str:
    credential = f"process.env.{call.credential}"
    header = f'"{call.own_header}": {credential}' if call.own_header else f"Authorization: `Bearer ${{{credential}}}`"
    typed = "" if call.body is None else ', "Content-Type": "application/json"'
    body = "" if call.body is None else "  body: JSON.stringify(" + call.text().replace("\n", "\n  ") + "),\n"
    return (
        f"const answer = await fetch(`{call.url('${process.env.', '}')}`, {{\n"
        f'  method: "{call.method}",\n  headers: {{ {header}{typed} }},\n{body}}});\nconsole.log(await answer.text());'
    )


def _go(call: Call) -> str:
    address = "+".join(
        part for part in ('"' + call.url('" + os.Getenv("', '") + "') + '"').split(" + ") if part != '""'
    )
    credential = f'os.Getenv("{call.credential}")'
    header = f'"{call.own_header}", {credential}' if call.own_header else f'"Authorization", "Bearer "+{credential}'
    check = "\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n"
    reader, imports, typed = "nil", "", ""
    if call.body is not None:
        # A raw string holds no backquote.
        reader = "strings.NewReader(`" + call.text().replace("`", '` + "`" + `') + "`)"
        imports, typed = '\t"strings"\n', '\trequest.Header.Set("Content-Type", "application/json")\n'
    return (
        f'package main\n\nimport (\n\t"io"\n\t"log"\n\t"net/http"\n\t"os"\n{imports})\n\nfunc main() {{\n'
        f'\trequest, err := http.NewRequest("{call.method}", {address}, {reader})\n{check}'
        f"\trequest.Header.Set({header})\n{typed}"
        f"\tanswer, err := http.DefaultClient.Do(request)\n{check}"
        "\tdefer answer.Body.Close()\n\tio.Copy(os.Stdout, answer.Body)\n}"
    )


def _quoted(text: str) -> str:
    """Return a text between single quotes, as PHP and Ruby escape it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _php(call: Call) -> str:
    address = "'" + call.url("' . getenv('", "') . '") + "'"
    header = f"{call.own_header}: " if call.own_header else "Authorization: Bearer "
    headers, body = f"'{header}' . getenv('{call.credential}')", ""
    if call.body is not None:
        headers += ", 'Content-Type: application/json'"
        body = f"    CURLOPT_POSTFIELDS => {_quoted(call.text())},\n"
    # Without the empty texts at both ends
    address = address.removeprefix("'' . ").removesuffix(" . ''")
    return (
        f"<?php\n\n$request = curl_init({address});\n"
        f"curl_setopt_array($request, [\n    CURLOPT_CUSTOMREQUEST => '{call.method}',\n"
        f"    CURLOPT_HTTPHEADER => [{headers}],\n{body}    CURLOPT_RETURNTRANSFER => true,\n]);\n"
        "echo curl_exec($request);"
    )


def _ruby(call: Call) -> str:
    name, before = (call.own_header, "") if call.own_header else ("Authorization", "Bearer ")
    address = re.sub(r"\$\((\w+)\)", r"#{ENV.fetch('\1')}", call.url("$(", ")"))
    value = f"\"{before}#{{ENV.fetch('{call.credential}')}}\""
    typed = "" if call.body is None else "request['Content-Type'] = 'application/json'\n"
    body = "" if call.body is None else f"request.body = {_quoted(call.text())}\n"
    return (
        f"require 'net/http'\n\nurl = URI(\"{address}\")\n"
        f"request = Net::HTTP::{call.method.capitalize()}.new(url)\nrequest['{name}'] = {value}\n{typed}{body}"
        "http = Net::HTTP.new(url.host, url.port)\nhttp.use_ssl = url.scheme == 'https'\n"
        "puts http.request(request).body"
    )


def _snake(name: str) -> str:
    return re.sub(r"[\W_]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).lower()
