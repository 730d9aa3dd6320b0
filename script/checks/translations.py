"""Check the catalogues of the portal's languages: complete, not fuzzy, with their placeholders, and compiled.

The texts are those that templates and code mark as translatable. `python -m script.checks.translations --update` writes
new ones into the catalogues and compiles them; then they are to be translated. Nothing but Babel is needed for it.
"""

import io
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import django
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).parents[2]
LOCALE = ROOT / "portal" / "locale"
#: The apps whose texts customers read.
APPS = ("portal", "portal_links", "deliveries", "subscriptions", "endpoints", "activity", "outbound", "convoyclone")
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
#: The catalogues name no date and no person, so that an update changes only what has changed.
HEADER = "# The portal's texts. See CONTRIBUTING.md.\n"


def main() -> None:
    """Check the catalogues, or update them with `--update`. Exits with the problems, if there are any."""
    settings.configure(USE_I18N=True)
    django.setup()
    template = Catalog()
    for message, context in _texts():
        template.add(message, context=context)
    codes = sorted(path.name for path in LOCALE.iterdir() if path.is_dir())
    if "--update" in sys.argv[1:]:
        for code in codes:
            _update(code, template)
        return
    sys.exit("\n".join(problem for code in codes for problem in _problems(code, template)) or None)


def _texts() -> Iterator[tuple[str | tuple[str, ...], str | None]]:
    """Yield each translatable text of templates and code, with its context."""
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*")):
            if path.suffix not in (".py", ".html") or "migrations" in path.parts:
                continue
            source = path.read_text(encoding="utf-8")
            if path.suffix == ".html":
                # Calls of gettext between placeholders, which are code but for their indentation.
                source = "\n".join(line.strip() for line in templatize(source, origin=str(path)).splitlines())
            file = io.BytesIO(source.encode())
            for _, message, _, context in extract("python", file, keywords=KEYWORDS):
                if message:
                    yield message, context


def _placeholders(texts: Iterable[str] | str) -> set[str]:
    """Return the placeholders in a text, or in its forms: %(name)s, %s, {name}."""
    joined = texts if isinstance(texts, str) else " ".join(texts)
    return set(re.findall(r"%\(\w+\)[a-z]|%[sd]|\{\w*\}", joined))


def _read(code: str) -> Catalog:
    path = LOCALE / code / "LC_MESSAGES" / "django.po"
    if not path.exists():
        return Catalog(locale=code)
    with path.open("rb") as file:
        return read_po(file, locale=code)


def _compiled(catalog: Catalog) -> bytes:
    # Babel writes a date into it; that of now would make every check differ from the last.
    catalog.creation_date = NEVER
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def _update(code: str, template: Catalog) -> None:
    before = _read(code)
    # Without guesses: a similar text is not a translation.
    before.update(template, no_fuzzy_matching=True)
    before.obsolete.clear()
    before.header_comment = HEADER
    before.fuzzy = False
    folder = LOCALE / code / "LC_MESSAGES"
    folder.mkdir(parents=True, exist_ok=True)
    file = io.BytesIO()
    write_po(file, before, width=100, no_location=True, sort_output=True, ignore_obsolete=True)
    kept = [line for line in file.getvalue().decode().splitlines() if not line.startswith(_VOLATILE)]
    (folder / "django.po").write_text("\n".join(kept) + "\n", encoding="utf-8")
    (folder / "django.mo").write_bytes(_compiled(_read(code)))


NEVER = datetime(2000, 1, 1, tzinfo=UTC)
#: Lines of the header that would change with every update.
_VOLATILE = tuple(f'"{name}: ' for name in ("POT-Creation-Date", "PO-Revision-Date", "Generated-By", "Last-Translator"))


def _problems(code: str, template: Catalog) -> Iterator[str]:
    catalog = _read(code)
    where = f"portal/locale/{code}/LC_MESSAGES/django"
    for wanted in template:
        if not wanted.id:
            continue
        found = catalog.get(wanted.id, context=wanted.context)
        stored = None if found is None else found.string
        texts = [stored] if isinstance(stored, str) else list(stored or ())
        if not texts or not all(texts):
            yield f"{where}.po: not translated: {wanted.id!r}"
        elif found is not None and found.fuzzy:
            yield f"{where}.po: fuzzy: {wanted.id!r}"
    for message in catalog:
        if message.id and template.get(message.id, context=message.context) is None:
            yield f"{where}.po: no longer used: {message.id!r}"
        # Not Babel's own check: a language with a single form may need the placeholders of the plural.
        if wrong := _placeholders(message.string or "") - _placeholders(message.id):
            yield f"{where}.po: {message.id!r} has no {', '.join(sorted(wrong))}"
    compiled = LOCALE / code / "LC_MESSAGES" / "django.mo"
    if not compiled.exists() or compiled.read_bytes() != _compiled(catalog):
        yield f"{where}.mo: not compiled from its .po: run python -m script.checks.translations --update"


if __name__ == "__main__":
    main()
