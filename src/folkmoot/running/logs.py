"""Logging under the name `folkmoot.run`: the progress of calls, without keys or prompts."""

import logging

from folkmoot import events

log = logging.getLogger("folkmoot.run")


def log_event(event: events.Event) -> None:
    """A listener that logs: what a run does as info, each call as debug, what went wrong as warnings."""
    match event:
        case events.RunStarted():
            seats = ", ".join(seat.id for seat in event.seats)
            log.info("run %s: %s with %s%s", event.run_id, event.protocol, seats, ", resumed" if event.resumed else "")
        case events.CallStarted():
            log.debug("%s: asked", event.step)
        case events.CallFinished():
            source = "from the record" if event.replayed else f"{event.seconds:.2f} s"
            tokens = (
                f"{event.usage.input_tokens} in, {event.usage.output_tokens} out" if event.usage else "tokens unknown"
            )
            log.debug("%s: answered by %s, %s, %s", event.step, event.answered_by or "?", source, tokens)
        case events.AttemptFailed():
            log.warning("%s: %s (%s), again in %.1f s", event.step, event.message, event.kind, event.wait)
        case events.RepairAsked():
            log.warning("%s: unreadable, asked once more: %s", event.step, event.message)
        case events.CallFailed():
            log.warning("%s: failed (%s): %s", event.step, event.kind, event.message)
        case events.SeatDropped():
            log.warning("%s left the run: %s", event.seat, event.reason)
        case events.ModelMismatch():
            log.warning("%s: %s was asked, %s answered", event.seat, event.asked, event.answered)
        case events.Offered():
            log.info("round %d: %s %s", event.outcome.round, event.outcome.status, event.outcome.explanation)
        case events.RunFinished():
            cost = event.result.cost_usd
            log.info(
                "run %s: %s after %d calls, %s", event.result.run_id, event.result.status, event.result.total_calls,
                "price unknown" if cost is None else f"${cost:.4f}",
            )  # fmt: skip
