"""Clusters: which vectors lie close together."""

import math
import random
from itertools import permutations

import pytest

from folkmoot.counting.clusters import centroid, cosine_distance, dbscan, geometric_confidence

NEAR = {"a": (1, 0), "b": (1, 0.1), "c": (1, 0.2), "far": (-1, 0.5)}


def test_the_length_of_a_vector_does_not_matter() -> None:
    assert cosine_distance((1, 2), (100, 200)) == pytest.approx(0, abs=1e-12)
    assert cosine_distance((1, 2), (-3, -6)) == pytest.approx(2)


def test_a_centroid_and_its_confidence_do_not_depend_on_the_order_of_the_vectors() -> None:
    vectors = [(0.1, 1.0), (0.7, 0.3), (2.3, 0.2), (9.9, 0.1)]
    assert len({(centroid(each), geometric_confidence(each)) for each in permutations(vectors)}) == 1


def test_vectors_of_different_models_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        cosine_distance((1, 2), (1, 2, 3))


def test_neighbours_of_neighbours_share_a_cluster_and_what_is_far_off_is_in_none() -> None:
    step = cosine_distance(NEAR["a"], NEAR["b"]) + 1e-9
    assert cosine_distance(NEAR["a"], NEAR["c"]) > step
    assert dbscan(NEAR, eps=step, min_samples=2) == [("a", "b", "c")]


def test_a_vector_at_the_edge_joins_but_does_not_lead_on() -> None:
    angles = {"edge": 0, "core": 10, "one": 20, "two": 20, "beyond": -10}
    vectors = {name: (math.cos(math.radians(a)), math.sin(math.radians(a))) for name, a in angles.items()}
    eps = cosine_distance(vectors["edge"], vectors["core"]) + 1e-9
    assert dbscan(vectors, eps, min_samples=4) == [("edge", "core", "one", "two")]


def test_no_vectors_have_no_clusters_and_one_is_noise() -> None:
    assert dbscan({}, 0.5, 2) == []
    assert dbscan({"a": (1, 0)}, 0.5, 2) == []
    assert dbscan({"a": (1, 0)}, 0.5, 1) == [("a",)]


def test_clusters_do_not_depend_on_the_order_of_their_members() -> None:
    draw = random.Random(4)
    vectors = {str(number): [draw.gauss(0, 1) for _ in range(3)] for number in range(30)}
    found = {frozenset(cluster) for cluster in dbscan(vectors, 0.1, 3)}
    names = list(vectors)
    draw.shuffle(names)
    cores_only = {
        name for name in vectors if sum(cosine_distance(vectors[name], other) <= 0.1 for other in vectors.values()) >= 3
    }
    again = {frozenset(cluster) for cluster in dbscan({name: vectors[name] for name in names}, 0.1, 3)}
    assert {cluster & cores_only for cluster in found} == {cluster & cores_only for cluster in again}


def test_the_poor_scale_of_geometric_confidence_is_as_it_was_measured() -> None:
    assert geometric_confidence([(1, 0), (0, 1)]) == pytest.approx(0.854, abs=0.001)
    assert geometric_confidence([(1, 1), (1, 1), (2, 2)]) == pytest.approx(1)
