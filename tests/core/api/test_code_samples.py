"""The samples of code in the OpenAPI document: each can be read, and calls of clients are what the clients have."""

import ast
import importlib
import inspect
import json
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.core.api.openapi_document import DOCUMENT
from tests.core.api.openapi_facts import METHODS

LANGUAGES = ["Shell", "Python", "JavaScript", "Go", "PHP", "Ruby"]
PARSE_PHP = "foreach (array_slice($argv, 1) as $file) token_get_all(file_get_contents($file), TOKEN_PARSE);"
PARSE_RUBY = "ARGV.each { |file| RubyVM::InstructionSequence.compile_file(file) }"
PARSE_JAVASCRIPT = """
const { readFileSync } = require("node:fs");
const { SourceTextModule } = require("node:vm");
for (const file of process.argv.slice(1)) new SourceTextModule(readFileSync(file, "utf8"), { identifier: file });
"""
GO = shutil.which("gofmt") or shutil.which("gofmt", path="/usr/local/go/bin")


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, item[method]


def sources(language: str) -> dict[str, str]:
    return {
        operation["operationId"]: sample["source"]
        for _, operation in operations()
        for sample in operation["x-codeSamples"]
        if sample["lang"] == language
    }


def test_each_operation_has_each_language() -> None:
    found = [[sample["lang"] for sample in operation["x-codeSamples"]] for _, operation in operations()]
    assert len(found) > 100
    assert all(languages == LANGUAGES for languages in found)


@pytest.mark.slow
def test_curl_sends_the_example() -> None:
    for _, operation in operations():
        words = shlex.split(sources("Shell")[operation["operationId"]].replace("\\\n", ""))
        assert words[0] == "curl"
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        examples = [example["value"] for example in content.get("examples", {}).values()]
        sent = [json.loads(words[words.index("-d") + 1])] if "-d" in words else []
        assert sent == examples[:1], operation["operationId"]


@pytest.mark.slow  # it imports the clients
def test_python_calls_what_the_clients_have() -> None:
    """Each import is there, and each call has parameters of the function's names and number."""
    clients = 0
    for name, source in sources("Python").items():
        tree = ast.parse(source)
        here: dict[str, Any] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    module = importlib.import_module(str(node.module))
                    found = getattr(module, alias.name, None)
                    here[alias.name] = found or importlib.import_module(f"{node.module}.{alias.name}")
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".sync_detailed"):
                function = here[ast.unparse(node.func).partition(".")[0]].sync_detailed
                keywords = {str(keyword.arg): None for keyword in node.keywords}
                inspect.signature(function).bind(*node.args, **keywords)
                # The body is read, and written again with nothing lost.
                for keyword in node.keywords:
                    if keyword.arg == "body" and isinstance(keyword.value, ast.Call):
                        model = here[ast.unparse(keyword.value.func).partition(".")[0]]
                        body = ast.literal_eval(keyword.value.args[0])
                        assert model.from_dict(dict(body)).to_dict() == body, name
                clients += 1
    assert clients > 45


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "program", "check"),
    [
        ("JavaScript", shutil.which("node"), ["--no-warnings", "--experimental-vm-modules", "-e", PARSE_JAVASCRIPT]),
        ("Go", GO, ["-l"]),  # the form too
        ("PHP", shutil.which("php"), ["-r", PARSE_PHP]),
        ("Ruby", shutil.which("ruby"), ["-we", PARSE_RUBY]),
    ],
    ids=["JavaScript", "Go", "PHP", "Ruby"],
)
def test_other_languages_can_be_read_by_the_programs_that_are_there(
    tmp_path: Path, language: str, program: str | None, check: list[str]
) -> None:
    """One process reads all files, and names the file in which it stops."""
    made = sources(language)
    for name, source in made.items():
        (tmp_path / name).write_text(source + "\n", encoding="utf-8")
    assert len(made) > 100
    if program:
        command = [program, *check, *(["--"] if language in ("JavaScript", "PHP") else []), *made]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
