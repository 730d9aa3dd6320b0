"""Run the code for customers that verifies signatures, in each language that this machine has."""

import base64
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from portal.verification import snippets
from tests.portal.snippet_cases import SETTINGS, cases

# A runner reads all cases and prints an answer for each: the snippet of the case's index has decided.
PYTHON = """
import base64, importlib, json
for case in json.load(open("cases.json")):
    headers = {} if case["value"] is None else {case["name"]: case["value"]}
    snippet = importlib.import_module(f"snippet{case['index']}")
    print(json.dumps(snippet.is_genuine(base64.b64decode(case["body"]), headers, case["secrets"])))
"""
JAVASCRIPT = """
import { readFileSync } from "node:fs";
for (const { index, name, body, value, secrets } of JSON.parse(readFileSync("cases.json"))) {
  const { isGenuine } = await import(`./snippet${index}.mjs`);
  const headers = value === null ? {} : { [name.toLowerCase()]: value };
  console.log(JSON.stringify(isGenuine(Buffer.from(body, "base64"), headers, secrets)));
}
"""
GO = """
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	<<imports>>
)

var all = []func([]byte, http.Header, []string) bool{<<functions>>}

func main() {
	var cases []struct {
		Index   int
		Name    string
		Body    []byte
		Value   *string
		Secrets []string
	}
	text, _ := os.ReadFile("cases.json")
	if err := json.Unmarshal(text, &cases); err != nil {
		panic(err)
	}
	for _, one := range cases {
		header := http.Header{}
		if one.Value != nil {
			header.Set(one.Name, *one.Value)
		}
		fmt.Println(all[one.Index](one.Body, header, one.Secrets))
	}
}
"""
PHP = r"""<?php
error_reporting(E_ALL);
set_error_handler(function ($level, $message) { throw new ErrorException($message); });
foreach (json_decode(file_get_contents('cases.json')) as $case) {
    // Each file defines the same function: a namespace keeps them apart.
    $snippet = "snippet$case->index";
    if (!function_exists("$snippet\\is_genuine")) {
        eval("namespace $snippet;" . substr(file_get_contents("$snippet.php"), strlen('<?php')));
    }
    $name = 'HTTP_' . strtoupper(strtr($case->name, '-', '_'));
    $_SERVER = $case->value === null ? [] : [$name => $case->value];
    echo json_encode("$snippet\\is_genuine"(base64_decode($case->body), $case->secrets)), "\n";
}
"""


class Language(NamedTuple):
    """How one language's snippets are run, in a folder of their own."""

    name: str
    snippet: str
    runner: str
    text: str
    run: list[str]
    build: list[str] = []


LANGUAGES = [
    Language("Python", "snippet{}.py", "run.py", PYTHON, [sys.executable, "run.py"]),
    Language("JavaScript", "snippet{}.mjs", "run.mjs", JAVASCRIPT, ["node", "run.mjs"]),
    Language("Go", "snippet{}/snippet.go", "main.go", GO, ["./check"], ["go", "build", "-o", "check", "."]),
    Language("PHP", "snippet{}.php", "run.php", PHP, ["php", "run.php"]),
]


def write(language: Language, folder: Path) -> None:
    """Write the snippets of all settings, and what runs them."""
    for index, settings in enumerate(SETTINGS):
        file = folder / language.snippet.format(index)
        file.parent.mkdir(exist_ok=True)
        file.write_text(next(made.code for made in snippets(**settings._asdict()) if made.language == language.name))
    imports = "\n\t".join(f's{index} "check/snippet{index}"' for index in range(len(SETTINGS)))
    functions = ", ".join(f"s{index}.IsGenuine" for index in range(len(SETTINGS)))
    runner = language.text.replace("<<imports>>", imports).replace("<<functions>>", functions)
    (folder / language.runner).write_text(runner)
    if language.name == "Go":
        (folder / "go.mod").write_text("module check\n\ngo 1.24\n")


def is_right(language: Language) -> bool:
    """Whether a language's snippets decide each case as they should. Says so, and what is wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(language, folder)
        if language.build:
            subprocess.run(language.build, cwd=folder, check=True)
        # Only now: the cases are about seconds, and a build takes some.
        now = int(time.time())
        tried = [(index, one, case) for index, one in enumerate(SETTINGS) for case in cases(one, now)]
        sent = [
            {
                "index": index,
                "name": settings.header,
                "body": base64.b64encode(case.body).decode(),
                "value": case.header,
                "secrets": case.secrets,
            }
            for index, settings, case in tried
        ]
        (folder / "cases.json").write_text(json.dumps(sent))
        ran = subprocess.run(language.run, cwd=folder, capture_output=True, text=True)
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    if ran.returncode or len(answers) != len(tried):
        print(f"{language.name}: stopped after {len(answers)} of {len(tried)} cases\n{ran.stderr}")
        return False
    wrong = [
        f"{one}: {case.name}" for (_, one, case), got in zip(tried, answers, strict=True) if got != case.is_genuine
    ]
    for line in wrong:
        print(f"{language.name}: wrong for {line}")
    print(f"{language.name}: {len(tried) - len(wrong)} of {len(tried)} cases right, in {len(SETTINGS)} settings")
    return not wrong


def main() -> int:
    """Check what can be checked; 1 where something is wrong."""
    results = []
    for language in LANGUAGES:
        command = (language.build or language.run)[0]
        if shutil.which(command):
            results.append(is_right(language))
        else:
            print(f"{language.name}: not checked, as there is no {command} on PATH")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
