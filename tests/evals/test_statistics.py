"""The intervals agree with those of statsmodels 0.14 and scipy 1.16, and cover what they promise to cover.

The reference numbers were computed once with `proportion_confint`, `scipy.stats.beta.ppf`, `scipy.stats.bootstrap`
(percentile, 50,000 resamples) and, for the clustered difference, statsmodels' cluster-robust least squares.
"""

import math
import random

import pytest

from folkmoot.evals.statistics import (
    beta_quantile,
    bootstrap,
    calibration_error,
    clopper_pearson,
    clustered_mean,
    paired_difference,
    percentile,
    phi,
    proportion,
    wilson,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("right", "total", "level", "low", "high"),
    [
        (0, 10, 0.95, 0.0, 0.27753279986288926),
        (3, 10, 0.95, 0.10779126740630104, 0.6032218525388546),
        (10, 10, 0.95, 0.7224672001371106, 1.0),
        (97, 100, 0.95, 0.9154806357094724, 0.9897454759759611),
        (431, 720, 0.95, 0.5623746357803057, 0.6338009193355216),
        (1, 2500, 0.95, 7.061331195866894e-05, 0.002262385368974367),
        (7, 40, 0.99, 0.07064423503673015, 0.3718333537431997),
    ],
)
def test_wilson_is_that_of_statsmodels(right: int, total: int, level: float, low: float, high: float) -> None:
    assert wilson(right, total, level) == pytest.approx((low, high), abs=1e-12)


@pytest.mark.parametrize(
    ("right", "total", "level", "low", "high"),
    [
        (0, 10, 0.95, 0.0, 0.30849710781876083),
        (3, 10, 0.95, 0.06673951117773447, 0.6524528500599973),
        (10, 10, 0.95, 0.6915028921812392, 1.0),
        (97, 100, 0.95, 0.91482394702572, 0.9937700284616936),
        (431, 720, 0.95, 0.5617681536687138, 0.6346427091414542),
        (1, 2500, 0.95, 1.0127071914576963e-05, 0.0022266206986756966),
        (7, 40, 0.90, 0.08513250458598166, 0.3037056670034146),
    ],
)
def test_clopper_pearson_is_that_of_statsmodels(right: int, total: int, level: float, low: float, high: float) -> None:
    assert clopper_pearson(right, total, level) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize(
    ("a", "b", "probability", "value"),
    [
        (2, 5, 0.1, 0.09259525891312873),
        (50, 3, 0.975, 0.9879406819732616),
        (0.5, 0.5, 0.2, 0.09549150281252627),
        (400, 300, 0.025, 0.5346129130943742),
    ],
)
def test_beta_quantiles_are_those_of_scipy(a: float, b: float, probability: float, value: float) -> None:
    assert beta_quantile(probability, a, b) == pytest.approx(value, abs=1e-9)


def generated() -> tuple[list[float], list[float]]:
    draw = random.Random(7)
    ours = [float(draw.random() < 0.72) for _ in range(200)]
    return ours, [float((draw.random() < 0.8) if one else (draw.random() < 0.35)) for one in ours]


def test_a_paired_difference_is_that_of_scipy() -> None:
    found = paired_difference(*generated(), resamples=8000)
    assert found.value == pytest.approx(0.05)
    assert found.interval == pytest.approx((-0.02, 0.12), abs=0.006)


def test_a_difference_clustered_by_question_is_that_of_scipy_and_of_statsmodels() -> None:
    clusters = [entry // 5 for entry in range(200)]
    found = paired_difference(*generated(), clusters, resamples=8000)
    assert found.interval == pytest.approx((-0.03, 0.13), abs=0.006)
    assert found.interval == pytest.approx((-0.0303, 0.1303), abs=0.008)
    assert not found.significant


def test_answers_to_one_question_are_not_taken_for_independent_ones() -> None:
    values = [float(entry % 2) for entry in range(40) for _ in range(10)]
    clusters = [entry for entry in range(40) for _ in range(10)]
    whole, split = clustered_mean(values, clusters).interval, clustered_mean(values, range(400)).interval
    assert whole.high - whole.low > 2.5 * (split.high - split.low)


def test_the_same_data_give_the_same_interval_each_time() -> None:
    assert paired_difference(*generated()) == paired_difference(*generated())


def test_no_difference_on_any_question_is_no_proof_that_there_is_none() -> None:
    found = paired_difference([1.0] * 50, [1.0] * 50)
    assert found.interval == pytest.approx((-0.0711, 0.0711), abs=1e-4)
    assert not found.significant


def test_dollars_per_right_answer_is_a_ratio_of_sums_over_questions() -> None:
    found = bootstrap([(0.02, 1), (0.04, 1), (0.06, 0), (0.04, 2)], lambda sums: sums[0] / sums[1])
    assert found.value == pytest.approx(0.04)
    assert found.interval.low < 0.04 < found.interval.high


def test_nothing_right_makes_a_right_answer_infinitely_dear() -> None:
    found = bootstrap([(0.02, 0), (0.04, 0)], lambda sums: sums[0] / sums[1])
    assert found.value == found.interval.low == math.inf


def test_a_proportion_without_repeats_has_the_wilson_interval() -> None:
    right = [True] * 30 + [False] * 10
    assert proportion(right, range(40)).interval == wilson(30, 40)
    assert proportion(right, [entry // 2 for entry in range(40)]).interval != wilson(30, 40)
    assert math.isnan(proportion([], []).value)


def test_a_wilson_interval_of_95_percent_covers_93_to_97_percent() -> None:
    """Computed exactly, over the distribution of the count, and averaged over true proportions from .05 to .95."""
    for total in (50, 200):
        intervals = [wilson(right, total) for right in range(total + 1)]
        covered = []
        for true in (each / 100 for each in range(5, 96)):
            weights = [
                math.comb(total, right) * true**right * (1 - true) ** (total - right) for right in range(total + 1)
            ]
            covered.append(sum(w for w, interval in zip(weights, intervals, strict=True) if true in interval))
        assert 0.93 <= sum(covered) / len(covered) <= 0.97


def test_a_clopper_pearson_interval_never_covers_less_than_it_promises() -> None:
    total = 40
    intervals = [clopper_pearson(right, total) for right in range(total + 1)]
    for true in (0.02, 0.1, 0.3, 0.5, 0.77, 0.95):
        weights = [math.comb(total, right) * true**right * (1 - true) ** (total - right) for right in range(total + 1)]
        assert sum(w for w, interval in zip(weights, intervals, strict=True) if true in interval) >= 0.95


def test_a_paired_interval_of_95_percent_covers_93_to_97_percent_in_simulation() -> None:
    """Correlated right and wrong answers to 80 questions; the true difference is known."""
    draw = random.Random(11)
    better, worse, trials, hits = 0.22, 0.12, 500, 0
    for trial in range(trials):
        gains = [(spot < better) - (spot > 1 - worse) for spot in (draw.random() for _ in range(80))]
        found = paired_difference([float(each) for each in gains], [0.0] * 80, resamples=300, seed=trial)
        hits += better - worse in found.interval
    assert 0.93 <= hits / trials <= 0.97


def test_calibration_error_is_the_weighted_gap_between_claimed_and_true() -> None:
    assert calibration_error([], []) == 0
    assert calibration_error([0.8] * 5, [True] * 4 + [False]) == pytest.approx(0)
    by_size = calibration_error([0.9, 0.7, 0.9, 0.7], [True, True, False, True], [3, 2, 3, 2])
    assert by_size == pytest.approx((abs(1.8 - 1) + abs(1.4 - 2)) / 4)


def test_phi_is_one_for_equal_errors_and_unknown_where_nothing_varies() -> None:
    errors = [True, False, True, True]
    assert phi(errors, errors) == pytest.approx(1)
    assert phi(errors, [not each for each in errors]) == pytest.approx(-1)
    assert phi(errors, [True] * 4) is None


def test_a_percentile_lies_between_its_neighbours() -> None:
    assert percentile([0, 10], 0.95) == pytest.approx(9.5)
    assert percentile([1.0, math.inf, math.inf], 0.9) == math.inf
