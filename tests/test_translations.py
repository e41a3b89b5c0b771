"""The catalogues: every marked string is translated, every text of a template is marked, nothing that is recorded can be."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.template.base import Lexer, TokenType

from tools import messages

ROOT = messages.ROOT
PATHS = sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po"))
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w*\}|</?\w+[^>]*>")
#: Attributes that people read or hear.
SPOKEN = {"alt", "aria-label", "data-label", "label", "placeholder", "title"}
#: Names, commands and signs that are the same in every language.
UNTRANSLATED = re.compile(r"Certify|UTC|inventory\.source:1|python3 -I verify\.py PACK\.zip|--key|Ctrl|Enter|Esc|Shift")
#: Layers that write what is kept or hashed.
RECORDING = {"actions", "pack", "exports", "verifier"}
LOOK_UPS = {"_", "gettext", "ngettext", "pgettext", "npgettext"}


def pairs(catalogue) -> Iterator[tuple[str, str, str]]:
    """(key, original, translation) of every string and plural form."""
    for one in catalogue:
        if one.id:
            originals = one.id if one.pluralizable else [one.id]
            translations = one.string if one.pluralizable else [one.string]
            yield from ((str(one.id), originals[min(n, len(originals) - 1)], text) for n, text in enumerate(translations))


@pytest.fixture(params=PATHS, ids=lambda path: path.parts[-3])
def path(request) -> Path:
    return request.param


def test_every_language_but_english_has_a_catalogue():
    assert [path.parts[-3] for path in PATHS] == sorted(code for code, _ in settings.LANGUAGES if code != "en")


def test_the_catalogue_has_every_marked_string_translated_and_no_other(path):
    catalogue = messages.read(path)
    assert messages.missing(catalogue) == []
    assert messages.written(path, messages.updated(catalogue)) == path.read_bytes(), "run: make messages"


def test_what_certify_reads_is_what_was_translated(path):
    assert messages.compiled(messages.read(path)) == path.with_suffix(".mo").read_bytes(), "run: make messages"


def test_translations_keep_placeholders_and_tags(path):
    wrong = [
        (key, text)
        for key, original, text in pairs(messages.read(path))
        if not set(PLACEHOLDER.findall(text)) <= (wanted := set(PLACEHOLDER.findall(original)))
        or (wanted - set(PLACEHOLDER.findall(text)) and "(" not in key)
    ]
    assert not wrong


def test_a_translation_differs_from_the_original_unless_the_word_is_the_same(path):
    bare = [(PLACEHOLDER.sub("", original), text == original) for _, original, text in pairs(messages.read(path))]
    same = [words for words, is_same in bare if is_same and " " in words and len(words) > 12]
    assert not same


# ---- templates ----


class Unmarked(HTMLParser):
    """Collects the texts and spoken attributes of a page whose template tags were taken out."""

    def __init__(self):
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in SPOKEN:
                self._look(value or "")

    def handle_data(self, data):
        self._look(data)

    def _look(self, text: str):
        if re.search(r"[A-Za-z]{2,}", UNTRANSLATED.sub("", text)):
            self.found.append(" ".join(text.split()))


def unmarked(source: str) -> list[str]:
    """What a reader would see that no mark covers: texts, attributes, words handed to filters and to included templates."""
    parser, found, inside, block = Unmarked(), [], False, ""
    text = []
    for token in Lexer(source).tokenize():
        contents = token.contents
        if token.token_type == TokenType.BLOCK and contents.startswith("blocktranslate"):
            inside = True
        elif token.token_type == TokenType.BLOCK and contents == "endblocktranslate":
            inside = False
        elif token.token_type == TokenType.TEXT and not inside and block != "main_class":
            text.append(contents)
        if token.token_type == TokenType.BLOCK and contents.startswith("block "):
            block = contents.split()[1]
        elif token.token_type in (TokenType.BLOCK, TokenType.VAR):
            found += re.findall(r"\|(?:default|default_if_none|yesno|pluralize):(\"[^\"]*[A-Za-z][^\"]*\")", contents)
            found += re.findall(r"\b(?:title|one|many|order|first|next|words)=(\"[^\"]*\")", contents)
            block = "" if contents.startswith("endblock") else block
    parser.feed("".join(text))
    return found + parser.found


def templates() -> list[str]:
    folder = ROOT / "templates"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in {".html", ".txt"})


@pytest.mark.parametrize("name", templates())
def test_every_text_of_a_template_is_marked(name):
    assert unmarked((ROOT / "templates" / name).read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Plain words</p>",
        '<b aria-label="Spoken">{{ x }}</b>',
        '{{ owner|default:"nobody" }}',
        '{% include "a.html" with title="Words" %}',
        'item{{ n|pluralize:"es" }}',
        "{% blocktranslate %}marked{% endblocktranslate %} not marked",
    ],
)
def test_unmarked_texts_are_found(source):
    assert unmarked(source)


# ---- what is recorded ----


def spoken_while_recording(source: str) -> Iterator[int]:
    """Lines that look up a translation, or a label that is one, outside a refusal: what they give could be written down."""
    for node, above in _with_ancestors(ast.parse(source)):
        names = {ast.unparse(one.func).split(".")[-1] for one in above if isinstance(one, ast.Call)}
        if any(isinstance(one, ast.Raise) for one in above):
            continue
        name = ast.unparse(node.func).split(".")[-1] if isinstance(node, ast.Call) else ""
        is_label = isinstance(node, ast.Attribute) and node.attr == "label" and ast.unparse(node.value)[0].isupper()
        # `get_x_display()` has looked the word up before `english` could say in which language.
        if name in LOOK_UPS or re.fullmatch(r"get_\w+_display", name) or (is_label and "english" not in names):
            yield node.lineno


def _with_ancestors(node: ast.AST, above: tuple = ()) -> Iterator[tuple[ast.AST, tuple]]:
    yield node, above
    for child in ast.iter_child_nodes(node):
        yield from _with_ancestors(child, (*above, node))


def test_actions_and_exports_translate_nothing_but_refusals():
    wrong = [
        f"{path}:{line}"
        for path, source in messages.sources()
        if path.endswith(".py") and RECORDING & set(Path(path).parts)
        for line in spoken_while_recording(source)
    ]
    assert not wrong


@pytest.mark.parametrize(
    "source",
    [
        'text = _("Kept")',
        "row = [Role(x).label]",
        "data = {'state': job.get_state_display()}",
        "english(job.get_state_display())",
    ],
)
def test_translations_that_would_be_recorded_are_found(source):
    assert list(spoken_while_recording(source))


@pytest.mark.parametrize("source", ['raise NotAllowed(_("No"))', "words = english(Role(x).label)"])
def test_refusals_and_english_labels_may_stand_there(source):
    assert not list(spoken_while_recording(source))


# ---- what is found ----


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ('{% translate "50 % done" %}', messages.Message("50 %% done")),
        ("{% translate 'Start' context 'grants' %}", messages.Message("Start", context="grants")),
        ("{% blocktranslate trimmed with n=x.y %}\n  one\n  {{ n }}\n{% endblocktranslate %}", messages.Message("one %(n)s")),
        ("{% blocktranslate count n=x %}a{% plural %}{{ n }} b{% endblocktranslate %}", messages.Message("a", "%(n)s b")),
        ('{{ x|default:_("none") }}', messages.Message("none")),
        ('{{ x|date:"j F Y" }}', messages.Message("j F Y", context="date format")),
    ],
)
def test_marks_in_templates_are_read_as_django_reads_them(source, wanted):
    assert list(messages.in_template(source)) == [wanted]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ('_("a " "b")', messages.Message("a b")),
        ('ngettext("{n} a", "{n} b", n)', messages.Message("{n} a", "{n} b")),
        ('pgettext("c", "a")', messages.Message("a", context="c")),
        ('dated(day, "j F")', messages.Message("j F", context="date format")),
    ],
)
def test_marks_in_python_are_read(source, wanted):
    assert list(messages.in_python(source)) == [wanted]
