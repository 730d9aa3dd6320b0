"""Send the conformance run to servers of Convoy's API, and report how their answers compare (script/conformance)."""

import argparse
import sys
from itertools import zip_longest
from pathlib import Path

from tests.conformance.client import Answer, Target
from tests.conformance.compare import Recording, read_recordings
from tests.conformance.reasons import read_reasons
from tests.conformance.receiver import Receiver
from tests.conformance.report import as_page, as_text
from tests.conformance.run import held_beside
from tests.conformance.tables import read_tables

USAGE = """\
Each server gets the ~700 requests of the suite in a project of its own, and its answers are compared with
recorded ones of Convoy. With two or more, each further one is also held beside the first. It takes half a minute
for this server, and two minutes for a Convoy, which does most of its work after its answers.

The run makes projects, endpoints, events and links: use a server that holds nothing of yours.
"""


def main() -> None:
    """Report on each server, and exit with 1 where an answer differs without a reason."""
    options = _options()
    if len(options.key) > len(options.url) or len(options.project) > len(options.url):
        sys.exit("there are more keys than servers")
    tables, recordings, reasons = read_tables(), read_recordings(), read_reasons()
    reports, first = [], dict[str, Answer]()
    is_different = False
    with Receiver(options.receiver_host, options.receiver_port) as receiver:
        servers = zip_longest(options.url, options.key, options.project, fillvalue="")
        for number, (url, key, project) in enumerate(servers):
            uid, _, project_key = project.partition(":")
            target = Target(
                url,
                # A path of its own, because some paths answer their first requests otherwise.
                receiver=f"{receiver.url}{number}",
                instance_key=key,
                organisation=options.organisation,
                project=(uid, project_key),
                waits=not options.no_waits,
            )
            answers = target.run(tables)
            outcome = held_beside(answers, recordings, reasons)
            is_different |= bool(outcome.unexplained)
            reports.append((f"{url} beside the recorded answers", outcome))
            if first:
                others = {code: Recording(options.url[0], answer) for code, answer in first.items()}
                reports.append((f"{url} beside {options.url[0]}", held_beside(answers, others, [])))
            first = first or answers
    sys.stdout.write("\n".join(as_text(title, outcome, tables) for title, outcome in reports))
    if options.html:
        pages = "\n".join(as_page(title, outcome, tables) for title, outcome in reports)
        Path(options.html).write_text(pages, encoding="utf-8")
    sys.exit(is_different)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "script/conformance", description=USAGE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", nargs="+", help="a server's address, such as http://127.0.0.1:8000")
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        help="a key that makes projects (here: instance_api_key of quickstart.json); one a server, in their order",
    )
    parser.add_argument(
        "--project", action="append", default=[], metavar="ID:KEY", help="a project to use in place of a new one"
    )
    parser.add_argument("--organisation", default="x", help="the id of the organisation that gets the projects")
    parser.add_argument("--receiver-host", default="127.0.0.1", help="the address at which servers reach this machine")
    parser.add_argument("--receiver-port", type=int, default=0)
    parser.add_argument("--no-waits", action="store_true", help="for a server that does its work before its answers")
    parser.add_argument("--html", metavar="FILE", help="write the report as a page too, with each difference")
    return parser.parse_args()


if __name__ == "__main__":
    main()
