"""The aftercare command: everything that a person does with a running system."""

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from shared.kernel.errors import AftercareError, ConfigurationError
from shared.telemetry.log import configure_logging


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a mistake is one clear sentence and exit status 2."""
    parsed = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = parsed.command
    try:
        return command(parsed)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, less) has seen enough; nothing is left to say, not even at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except AftercareError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="aftercare", description="Run Aftercare, look into it, and put things right.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=run)
        return sub

    add("up", _up, "run everything on this machine, in real time").add_argument(
        "--no-sandbox", action="store_true", help="send through the real Twilio of the environment"
    )
    add("demo", _demo, "tell one patient's story on an accelerated clock, then stay up").add_argument(
        "--once", action="store_true", help="end after the story; the exit status says whether it went right"
    )
    add("migrate", _migrate, "bring the database and the queues up to date")
    check = add("check-config", _check_config, "read the clinic file and the templates, and say what is wrong")
    check.add_argument("file", nargs="?", type=Path, help="by default what AFTERCARE_CONFIG names, else the example")
    looks = add("preview", _preview, "print every text and e-mail that bookings lead to, without sending anything")
    looks.add_argument("files", nargs="+", type=Path, help="bookings or booking events: one, a list, or one a line")
    looks.add_argument(
        "--config", type=Path, help="the clinic file; by default what AFTERCARE_CONFIG names, else the example"
    )
    publish = add("publish", _publish, "publish a booking event from a file")
    publish.add_argument("type")
    publish.add_argument("file", type=Path)
    publish.add_argument(
        "--as-http", action="store_true", help="print the body for the broker's HTTP interface instead"
    )
    add("why", _why, "tell all that happened to a booking, a patient, a message or a number").add_argument("ref")
    _add_dead_letters(add("dlq", _dlq, "look at dead letters, replay or discard them"))
    _add_people(add)
    add("new-secrets", _new_secrets, "print fresh secrets for docker-compose, as an environment file")
    add("reference", _reference, "write docs/reference from the code")
    alerts = add("alerts", _alerts, "list the safety cases that wait for a person, take one on, or close it")
    alerts.add_argument("action", choices=("list", "ack", "close"))
    alerts.add_argument("case", nargs="?")
    alerts.add_argument("--as", dest="who", help="your name: a case is taken on and closed by a named person")
    alerts.add_argument("--disposition", help="how it ended, for close")
    _add_patient(add("patient", _patient, "export, erase or put right what is known of one patient"))
    evaluate = add(
        "evaluate-replies", _evaluate_replies, "hold the reply reader against replies whose meaning is known"
    )
    evaluate.add_argument("file", type=Path, help="CSV: reply,prompt_kind,expected_interpretation,expected_value,note")
    add("verify", _verify, "check the invariants on a running system, read-only")
    for name, text in (("pause", "hold everything of a clinic"), ("resume", "let a paused clinic's texts go again")):
        add(name, _pause if name == "pause" else _resume, text).add_argument("clinic")
    return parser


def _add_people(add: Callable[..., argparse.ArgumentParser]) -> None:
    roles = ("viewer", "operator", "clinician", "admin")
    link = add("sign-in", _sign_in, "print a link that lets one person into the console, once")
    link.add_argument("--as", dest="person", help="whose name stands in the audit; by default yours")
    link.add_argument("--role", choices=roles, default="admin")
    people = add("people", _people, "say who may sign in to the console with a password")
    people.add_argument("action", choices=("list", "add", "remove"))
    people.add_argument("name", nargs="?")
    people.add_argument("--role", choices=roles)


def _add_dead_letters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "show", "replay", "discard"))
    parser.add_argument("queue", nargs="?", help="for example booking_events")
    parser.add_argument("--id", help="only the message with this id")
    parser.add_argument("--all", action="store_true", help="discard every one in the queue")
    parser.add_argument("--reason", help="why it is discarded; kept in the audit")
    parser.add_argument("--reveal", action="store_true", help="show values, not only field names")


def _add_patient(parser: argparse.ArgumentParser) -> None:
    from cli.patient import add_arguments

    add_arguments(parser)


def _patient(arguments: argparse.Namespace) -> int:
    from cli.patient import patient

    return asyncio.run(patient(arguments))


def _up(arguments: argparse.Namespace) -> int:
    from cli.run import up

    return up(sandbox=not arguments.no_sandbox)


def _demo(arguments: argparse.Namespace) -> int:
    from cli.private_servers import begin_private_servers
    from cli.terminal import interruption, say

    with interruption() as taken:
        servers = begin_private_servers(throwaway=True, say=say)
        with servers or contextlib.nullcontext():
            from cli.run import demo  # its many imports: beside the start of the servers

            return demo(servers, taken, once=arguments.once)


def _migrate(_arguments: argparse.Namespace) -> int:
    from cli.administer import migrate_all

    return asyncio.run(migrate_all())


def _check_config(arguments: argparse.Namespace) -> int:
    from cli.check_config import check_config

    return check_config(arguments.file)


def _preview(arguments: argparse.Namespace) -> int:
    from cli.check_config import clinic_file
    from cli.preview import preview

    return preview(arguments.files, clinic_file(arguments.config))


def _publish(arguments: argparse.Namespace) -> int:
    from cli.administer import publish

    return asyncio.run(publish(arguments.type, arguments.file, as_http=arguments.as_http))


def _why(arguments: argparse.Namespace) -> int:
    from cli.why import why

    return asyncio.run(why(arguments.ref))


def _dlq(arguments: argparse.Namespace) -> int:
    from cli.dead_letters import dead_letters

    return asyncio.run(
        dead_letters(
            arguments.action,
            arguments.queue,
            message_id=arguments.id,
            everything=arguments.all,
            reason=arguments.reason,
            reveal=arguments.reveal,
        )
    )


def _alerts(arguments: argparse.Namespace) -> int:
    from cli.alerts import acknowledge_alert, close_alert, list_alerts

    if arguments.action == "list":
        return asyncio.run(list_alerts())
    if arguments.case is None:
        raise ConfigurationError("case: which one? `./aftercare alerts list` shows the open ones")
    if arguments.action == "ack":
        return asyncio.run(acknowledge_alert(arguments.case, arguments.who))
    return asyncio.run(close_alert(arguments.case, arguments.who, arguments.disposition))


def _evaluate_replies(arguments: argparse.Namespace) -> int:
    from cli.evaluate import evaluate_replies

    return evaluate_replies(arguments.file)


def _verify(_arguments: argparse.Namespace) -> int:
    from cli.verify import verify

    return asyncio.run(verify())


def _sign_in(arguments: argparse.Namespace) -> int:
    from cli.people import sign_in

    return asyncio.run(sign_in(arguments.person, arguments.role))


def _people(arguments: argparse.Namespace) -> int:
    from cli.people import people

    return asyncio.run(people(arguments.action, arguments.name, arguments.role))


def _new_secrets(_arguments: argparse.Namespace) -> int:
    from cli.secrets import new_secrets

    return new_secrets()


def _reference(_arguments: argparse.Namespace) -> int:
    from cli.reference import write_reference

    return write_reference()


def _pause(arguments: argparse.Namespace) -> int:
    from cli.administer import pause

    return asyncio.run(pause(arguments.clinic))


def _resume(arguments: argparse.Namespace) -> int:
    from cli.administer import resume

    return asyncio.run(resume(arguments.clinic))


if __name__ == "__main__":
    # What goes wrong is said in our own words; anything else is logged as everywhere, without a person's data.
    configure_logging("aftercare", level="CRITICAL")
    sys.exit(main())
