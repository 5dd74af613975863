"""A budget holds: what is set aside before each attempt is never less than a reply that keeps to its cap can cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.core.journal import Entry
from folkmoot.core.limits import UNKNOWN_OUTPUT, Limits, PriceOf, Purse, Reservation, limits_given
from folkmoot.errors import InputError, Stopped
from folkmoot.testing import ScriptedProvider
from folkmoot.types import JSON, Billing, Completion, Request, Usage
from tests.play import play, review


def priced(input: float, output: float) -> PriceOf:
    """USD per million tokens."""

    def price(model: str, usage: Usage) -> float | None:
        return (usage.input_tokens * input + usage.output_tokens * output) / 1e6 if model else None

    return price


def replied(step: str, tokens: int) -> Entry:
    return Entry(step, "s1", "", 0, Completion(text="", usage=Usage(output_tokens=tokens)))


def purse(budget: float | None = None, *, input: float = 1.0, output: float = 10.0, **limits: int) -> Purse:
    return Purse(Limits.model_validate({"budget": budget} | limits), priced(input, output))


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({}, {}),
        ({"timeout": 5, "retries": 0}, {"timeout": 5, "retries": 0}),
        ({"idle_timeout": 0}, {"idle_timeout": None}),
        ({"idle_timeout": None, "budget": None}, {"idle_timeout": None, "budget": None}),
    ],
)
def test_limits_are_read_as_they_are_written(given: JSON, read: JSON) -> None:
    assert limits_given(given) == read


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"timeout": 0}, "timeout must be more than 0"),
        ({"budget": float("nan")}, "budget must be more than 0"),
        ({"budget": float("inf")}, "budget must be a finite number"),
        ({"max_calls": -1}, "max_calls must be more than 0"),
        ({"idle_timeout": -1}, "idle_timeout cannot be negative"),
        ({"retries": -1, "backoff": -0.5}, "retries cannot be negative\nbackoff cannot be negative"),
    ],
)
def test_what_is_no_limit_is_refused(given: JSON, problem: str) -> None:
    with pytest.raises(InputError) as raised:
        limits_given(given)
    assert "\n".join(raised.value.problems) == problem


def test_without_a_budget_the_amount_is_computed_all_the_same_and_nothing_is_capped() -> None:
    reserved = purse().reserve("r1", "s1", "a", 1000, None)
    assert reserved is not None and reserved.cap is None
    assert reserved.usd == pytest.approx(0.001 + 4 * UNKNOWN_OUTPUT * 10 / 1e6)
    limited = purse().reserve("r1", "s1", "a", 1000, 500)
    assert limited is not None and limited.usd == pytest.approx(0.001 + 500 * 10 / 1e6)


def test_before_a_seat_has_written_anything_two_thousand_tokens_are_expected() -> None:
    rich = purse(1.0)
    reserved = rich.reserve("r1", "s1", "a", 1000, None)
    assert reserved is not None and reserved.cap is not None and reserved.cap >= UNKNOWN_OUTPUT


def test_a_seat_that_has_not_written_yet_takes_what_is_left_where_a_short_reply_fits() -> None:
    poor = purse(0.0209)  # 1000 tokens in and 2000 out cost 0.021
    reserved = poor.reserve("r1", "s1", "a", 1000, None)
    assert reserved is not None and reserved.cap is not None and 1980 < reserved.cap <= 1990
    poorer = purse(0.0035)
    with pytest.raises(Stopped, match=r"\$0\.0035 of \$0\.00 is left, and the next call may cost \$0\.0210"):
        poorer.reserve("r1", "s1", "a", 1000, None)


def test_a_seat_whose_replies_are_longer_than_what_is_left_is_refused() -> None:
    spending = purse(0.03)
    spending.learn([replied("r1/propose/s1", 1500)])
    spending.settle("r1/propose/s2", "s2", 0.018, None)
    with pytest.raises(Stopped, match="is left"):
        spending.reserve("r2/propose/s1", "s1", "a", 0, None)
    assert spending.reserve("r2/propose/s1", "s1", "a", 0, 1000) is not None


def test_what_is_expected_of_a_phase_is_what_the_seat_wrote_in_that_phase() -> None:
    spending = purse(100.0)
    spending.learn([replied("r1/propose/s1", 1500), replied("r1/evaluate/s1>s2", 90)])
    assert spending.likely_output("s1", "r2/propose/s1") == 1500
    assert spending.likely_output("s1", "panel: r2/evaluate/s1>s3") == 90
    assert spending.likely_output("s1", "r2/confirm/s1") == 1500


def test_a_limit_of_the_user_makes_a_call_affordable() -> None:
    assert purse(0.0209).reserve("r1", "s1", "a", 1000, 500) is not None


def test_what_one_call_has_set_aside_another_cannot_have() -> None:
    spending = purse(0.03)
    spending.reserve("r1", "s1", "a", 1000, None)
    assert spending.reserve("r2", "s2", "a", 1000, None) is None  # not yet
    spending.settle("r1", "s1", 0.001, Usage(output_tokens=10))
    assert spending.reserve("r2", "s2", "a", 1000, None) is not None


def test_the_longest_usual_reply_of_a_seat_is_what_is_expected_next() -> None:
    spending = purse(100.0)
    for length in [*range(1, 20), 5000]:
        spending.settle("r1", "s1", 0.0, Usage(output_tokens=length))
    assert (spending.likely_output("s1"), spending.likely_output("s2")) == (5000, UNKNOWN_OUTPUT)


def test_an_attempt_whose_cost_nobody_knows_costs_what_was_set_aside() -> None:
    spending = purse(1.0)
    reserved = spending.reserve("r1", "s1", "a", 1000, None)
    assert reserved is not None and reserved.cap is not None
    spending.settle("r1", "s1", None, None)
    assert spending.spent == pytest.approx(0.001 + reserved.cap * 10 / 1e6) == pytest.approx(reserved.usd)


def test_seats_that_nobody_bills_are_not_held_up_by_a_budget() -> None:
    assert purse(0.0).reserve("r1", "s1", "", 10**9, None) == Reservation(0.0, None)


def test_attempts_are_counted_and_a_refused_one_is_not() -> None:
    counted = purse(0.001, max_calls=2)
    with pytest.raises(Stopped, match="is left"):
        counted.reserve("r1", "s1", "a", 10**6, None)
    assert counted.attempts == 0
    for step in ("r1", "r2"):
        counted.reserve(step, "s1", "", 1, None)
    with pytest.raises(Stopped, match="may make 2 calls") as stopped:
        counted.reserve("r3", "s1", "", 1, None)
    assert stopped.value.reason == "max_calls"


calls = st.tuples(
    st.sampled_from(["s1", "s2", "s3"]),
    st.integers(0, 5000),  # tokens in
    st.none() | st.integers(1, 4000),  # the user's limit
    st.floats(0, 1),  # how much of what it may write it writes
    st.booleans(),  # whether it says what it cost
)


def test_a_price_next_to_nothing_is_a_price() -> None:
    with pytest.raises(Stopped):
        purse(0.0, output=2.3e-308).reserve("r1", "s1", "a", 4, None)


@given(
    budget=st.floats(0, 1), input=st.floats(0, 100), output=st.floats(0, 500), asked=st.lists(calls, max_size=30),
    at_once=st.integers(1, 5),
)  # fmt: skip
def test_seats_that_keep_to_their_caps_never_exceed_a_budget(
    budget: float, input: float, output: float, asked: list[tuple[str, int, int | None, float, bool]], at_once: int
) -> None:
    spending = purse(budget, input=input, output=output)
    open_calls: list[tuple[str, str, float | None, int]] = []
    spent = 0.0
    for number, (seat, tokens, limit, share, said) in enumerate(asked):
        try:
            reserved = spending.reserve(f"r{number}", seat, "a", tokens, limit)
        except Stopped:
            continue
        if reserved is None:
            continue
        cap = reserved.cap
        may_write = min(each for each in (cap, limit, 10**5) if each is not None)
        written = int(share * may_write)
        usd = priced(input, output)("a", Usage(input_tokens=tokens, output_tokens=written))
        assert usd is not None
        spent += usd
        open_calls.append((f"r{number}", seat, usd if said else None, written))
        if len(open_calls) >= at_once:
            step, whose, cost, length = open_calls.pop(0)
            spending.settle(step, whose, cost, Usage(output_tokens=length))
    assert spent <= budget * (1 + 1e-9)


class Metered(ScriptedProvider):
    billing: Billing = "metered"


@pytest.mark.parametrize("budget", [0.0, 0.01, 0.05, 0.2, 5.0])
def test_a_converge_within_a_budget_spends_no_more_and_returns_the_best_so_far(budget: float) -> None:
    price = priced(1.0, 15.0)

    def script(request: Request) -> Completion:
        assert request.cap is not None
        text = "391" if request.about.phase == "propose" else review(7)
        letters = len(request.system) + sum(len(each.text) for each in request.messages)
        usage = Usage(input_tokens=letters // 4, output_tokens=request.cap)
        return Completion(text=text, usage=usage, usd=price("a", usage))

    result = play("converge", Metered(script), 3, price=price, limits=Limits(budget=budget, retries=0))
    assert result.cost_usd is not None and result.cost_usd <= budget
    assert result.status == "over_budget" and result.exit_code == 2
    assert result.answer == ("391" if result.outcome.leader else None)
    assert all(each.answer == "391" for each in result.outcome.answers)


def test_a_cap_for_the_budgets_sake_does_not_change_what_the_record_expects() -> None:
    provider = Metered(Completion(text="391", usd=0.001, usage=Usage(output_tokens=10)))
    result = play("converge", provider, 1, price=priced(1.0, 15.0), limits=Limits(budget=1.0))
    assert provider.requests[0].cap is not None and provider.requests[0].max_tokens is None
    assert result.answer == "391"
