"""``aftercare preview FILE…``: every text and e-mail that bookings lead to, and when, without sending anything."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from cli.rehearsal import Arrival, Entry, Rehearsal, Words
from services.booking_events.domain.patient import Patient
from services.notifier.domain.email import write_email
from services.notifier.domain.gsm7 import measure
from services.notifier.domain.rendering import TemplateError, render
from services.notifier.templates import TemplateCatalogue, catalogues_of
from shared.clinics.file import load_clinics
from shared.clinics.model import Clinic, Clinics
from shared.kernel.errors import ConfigurationError, PermanentError
from shared.kernel.ids import canonical_json, digest
from shared.messages.base import Channel
from shared.messages.booking import BOOKING_TYPES, CREATED, Booking
from shared.messages.catalogue import read_payload
from shared.messages.envelope import BARE_SOURCE, Envelope, validate
from shared.messages.plan import PlannedMessage

_NO_LINK = "https://…"


def preview(files: Sequence[Path], clinic_file: Path, *, now: datetime | None = None, out: TextIO = sys.stdout) -> int:
    """Print what the bookings in the files lead to; return 1 where a person would have to step in.

    Raises:
        ConfigurationError: a file, or an entry in it, cannot be read; names file, entry and field.
    """
    clinics = load_clinics(clinic_file)
    start = now or datetime.now(UTC)
    arrivals = sorted((one for file in files for one in read_arrivals(file, now=start)), key=lambda one: one.at)
    rehearsals = rehearse(arrivals, clinics)
    for bookings, rehearsal in rehearsals:
        _print(bookings, rehearsal, out)
    _print_sum([entry for _bookings, one in rehearsals for entry in one.entries], len(arrivals), len(rehearsals), out)
    return int(any(entry.what == "task" for _bookings, one in rehearsals for entry in one.entries))


def read_arrivals(file: Path, *, now: datetime) -> Iterator[Arrival]:
    """Read bookings, bare or enveloped: one, a list, or one a line. An envelope's time is its coming, else ``now``.

    Raises:
        ConfigurationError: names file, entry and field.
    """
    try:
        entries = _entries(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{file}: not readable as JSON ({type(error).__name__})") from None
    for number, entry in enumerate(entries, start=1):
        try:
            yield _arrival(entry, now=now)
        except PermanentError as error:
            raise ConfigurationError(f"{file}, entry {number}: {error.reason}") from None


def _entries(text: str) -> list[Any]:
    try:
        content = json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return content if isinstance(content, list) else [content]


def _arrival(entry: Any, *, now: datetime) -> Arrival:
    if not isinstance(entry, dict):
        raise PermanentError("not a JSON object")
    if "specversion" not in entry:
        entry = {"id": digest(canonical_json(entry))[:32], "source": BARE_SOURCE, "type": CREATED, "data": entry}
    envelope = validate(Envelope, entry, at="envelope")
    if envelope.type not in BOOKING_TYPES:
        raise PermanentError(f"type: one of {', '.join(BOOKING_TYPES)}")
    booking = read_payload(envelope)
    assert isinstance(booking, Booking)
    return Arrival(envelope.time or now, envelope, booking)


def rehearse(arrivals: Sequence[Arrival], clinics: Clinics) -> list[tuple[list[str], Rehearsal]]:
    """Walk through every patient's bookings; return each with the ids of their bookings.

    Raises:
        ConfigurationError: a clinic does not stand in the clinic file, or two events contradict each other.
    """
    patients: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        patients[arrival.patient].append(arrival)
    catalogue, own = TemplateCatalogue(), catalogues_of(clinics)
    found = []
    for theirs in patients.values():
        clinic_id = theirs[0].booking.clinic_id
        clinic = clinics.get(clinic_id)
        if clinic is None:
            raise ConfigurationError(f"clinic_id: no clinic {clinic_id!r} stands in the clinic file")
        carries = frozenset(Channel(name) for name in clinic.delivery.channels)
        rehearsal = Rehearsal(clinic, partial(_compose, catalogue=own.get(clinic_id, catalogue)), carries)
        try:
            rehearsal.run(theirs)
        except (PermanentError, TemplateError) as error:
            raise ConfigurationError(str(error)) from None
        found.append((sorted({arrival.booking.booking_id for arrival in theirs}), rehearsal))
    return found


def _compose(
    message: PlannedMessage, channel: Channel, patient: Patient, clinic: Clinic, *, catalogue: TemplateCatalogue
) -> Words:
    if channel is Channel.EMAIL:
        content = write_email(
            message.template,
            message.purpose,
            message.values,
            language=patient.language,
            words=clinic.email,
            catalogue=catalogue,
            unsubscribe_url=_NO_LINK,
        )
        return Words(content.subject, content.text, "e-mail", 0)
    text = render(message.template, patient.language, message.values, catalogue)
    how = measure(text.text)
    return Words("", text.text, how.encoding, how.segments)


def _print(bookings: Sequence[str], rehearsal: Rehearsal, out: TextIO) -> None:
    assert rehearsal.patient is not None
    out.write(f"{', '.join(bookings)}   ({rehearsal.patient.language}; times in {rehearsal.zone})\n")
    for entry in rehearsal.entries:
        at = f"{entry.at.astimezone(rehearsal.zone):%a %b %d %Y %H:%M}"
        out.write(f"  {at}  {entry.what:<8}  {entry.detail}{_cost(entry.words)}\n")
        if entry.words is not None:
            out.writelines(f"      {line}\n" for line in _lines(entry.words))
    if not rehearsal.entries:
        out.write("  nothing\n")
    out.write("\n")


def _cost(words: Words | None) -> str:
    if words is None or not words.parts:
        return ""
    return f"  [{_many(words.parts, 'segment')}, {words.encoding}]"


def _lines(words: Words) -> list[str]:
    body = [line for line in words.text.splitlines() if line.strip()]
    return [f"Subject: {words.subject}", *body] if words.subject else body


def _print_sum(entries: Sequence[Entry], events: int, patients: int, out: TextIO) -> None:
    counts: Mapping[str, int] = {what: sum(one.what == what for one in entries) for what in ("text", "e-mail", "task")}
    segments = sum(one.words.parts for one in entries if one.words is not None)
    out.write(f"{_many(events, 'event')} of {_many(patients, 'patient')} lead to {_many(counts['text'], 'text')} ")
    out.write(
        f"in {_many(segments, 'segment')}, {_many(counts['e-mail'], 'e-mail')}, and {_many(counts['task'], 'task')} "
    )
    out.write("for people. Nothing was sent.\n")


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
