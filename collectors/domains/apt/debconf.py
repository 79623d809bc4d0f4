"""Which of debconf's questions did the owner answer otherwise than the package would?

Sources: debconf-devel(7), debconf.conf(5). `passwords.dat` is never read, and no answer of the type
password is recorded. What is known of questions is data: debconf.yaml beside this
module says what its keys mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from collectors.debian.stanzas import parse_stanzas
from collectors.document import shipped
from collectors.domains.apt.indexes import stanzas_named, value
from collectors.failure import Finding
from collectors.host import Host, text
from collectors.judgement.capture import unread
from collectors.judgement.knowledge import is_secret_setting
from collectors.reading.patterns import matches
from collectors.record import LeftOut, Record, Thing, escaped, word

CONFIG = "/var/cache/debconf/config.dat"
TEMPLATES = "/var/cache/debconf/templates.dat"
PASSWORDS = "/var/cache/debconf/passwords.dat"
ASKED = "answers that are passwords: debconf asks for them again"
BOUND = "the answer names a part of the old machine"
# The other types say something, and are not answered.
ANSWERED = ("boolean", "select", "multiselect", "string")


class Answer(Thing):
    """What the owner answered to a question of a package, `man-db/auto-update`."""

    KIND: ClassVar[str] = "debconf"
    FREE: ClassVar[frozenset[str]] = frozenset({"package"})

    question: str
    package: str
    type: str
    value: str

    def item_name(self) -> str:
        """Return the question."""
        return self.question

    def by_hand(self) -> str:
        """Return how debconf is told."""
        line = f"{self.package} {self.question} {self.type} {self.value}"
        return f"printf '%s\\n' {word(line)} | debconf-set-selections"


class KnownQuestions(Record):
    """Globs of questions, by what is known of them; see debconf.yaml."""

    elsewhere: tuple[str, ...]
    bound: tuple[str, ...]
    secret: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """A question that was asked, and has an answer; names and answers are escaped."""

    name: str
    template: str
    answer: str
    owners: tuple[str, ...]


@dataclass(frozen=True)
class Template:
    """What a package says of a question: `boolean`, and its own answer `true`."""

    type: str
    default: str


@dataclass(frozen=True)
class Answers:
    """What the owner answered, and what of it is secret."""

    answers: tuple[Answer, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    findings: tuple[Finding, ...] = ()


def read_answers(host: Host, installed: Iterable[str]) -> Answers:
    """Return the answers to questions of `installed` packages."""
    try:
        questions, findings = parse_config(text(host, CONFIG))
        wanted = {each.template for each in questions}
        templates = parse_templates(host.read(TEMPLATES), wanted) if wanted else {}
    except OSError as error:
        return Answers(findings=(unread(error.filename or CONFIG, error),))
    given = tuple(answers(questions, templates, frozenset(installed)))
    secret = tuple(each.question for each in given if is_secret(each))
    return Answers(
        tuple(each for each in given if not is_secret(each)),
        tuple(_left_out(host, secret)),
        findings,
    )


def answers(
    questions: Iterable[Question], templates: Mapping[str, Template], installed: frozenset[str]
) -> Iterator[Answer]:
    """Yield what differs from the package's own answer, of packages that are installed."""
    for question in questions:
        template = templates.get(question.template)
        owners = sorted(installed.intersection(question.owners))
        if template is None or not owners or template.type not in ANSWERED:
            continue
        if matches(question.name, known_questions().elsewhere) or _same(question.answer, template):
            continue
        yield Answer(
            question=question.name,
            package=owners[0],
            type=template.type,
            value=question.answer,
            bound=BOUND if matches(question.name, known_questions().bound) else "",
        )


def parse_config(content: str) -> tuple[tuple[Question, ...], tuple[Finding, ...]]:
    """Return the questions of `config.dat` that somebody was asked and that have an answer, by name."""
    stanzas, malformed = parse_stanzas(content)
    findings = [Finding(f"{CONFIG}:{each.line}", each.reason, "debconf-show --listdbs") for each in malformed]
    questions = {}
    for stanza in stanzas:
        name = escaped(stanza.get("Name"))
        if not name:
            findings.append(Finding(f"{CONFIG}:{stanza.line}", "no Name", "debconf-show --listdbs"))
        elif "seen" in _words(stanza.get("Flags")) and "Value" in stanza.fields:
            questions[name] = Question(
                name,
                stanza.get("Template") or name,
                escaped(stanza.get("Value")),
                _words(stanza.get("Owners")),
            )
    return tuple(questions[name] for name in sorted(questions)), tuple(findings)


def parse_templates(content: bytes, wanted: Iterable[str]) -> dict[str, Template]:
    """Return the templates with the names `wanted` in `templates.dat`."""
    names = frozenset(name.encode(errors="surrogateescape") for name in wanted)
    return {
        name: Template(value(stanza, "Type"), escaped(value(stanza, "Default")))
        for name, stanza in stanzas_named(content, "Name", names)
    }


def is_secret(answer: Answer) -> bool:
    """Tell whether an answer must not be in the clear, by its question or by what it says."""
    return is_secret_setting(CONFIG, answer.question, answer.value, known_questions().secret)


@cache
def known_questions() -> KnownQuestions:
    """Return what is known of debconf's questions."""
    return shipped("collectors.domains.apt", "debconf.yaml", KnownQuestions)


def _left_out(host: Host, secret: tuple[str, ...]) -> Iterator[LeftOut]:
    if secret:
        yield LeftOut(path=CONFIG, reason=f"answers that are secret: {', '.join(secret)}")
    entry = host.look(PASSWORDS)
    if entry and entry.size_bytes:
        yield LeftOut(path=PASSWORDS, reason=ASKED)


def _same(answer: str, template: Template) -> bool:
    """Tell whether an answer is the package's own; of several choices the order says nothing."""
    default = template.default or ("false" if template.type == "boolean" else "")
    if template.type == "multiselect":
        return set(_words(answer)) == set(_words(default))
    return answer == default


def _words(value: str) -> tuple[str, ...]:
    return tuple(filter(None, (word.strip() for word in value.split(","))))
