"""Which of several vectors lie close together: density clustering over cosine distance, and how tight a group is.

Pure Python on purpose: panels are small, and a verdict must come out the same on a machine with another numpy.
"""

import math
from collections.abc import Mapping, Sequence

Vector = Sequence[float]


def cosine_distance(one: Vector, other: Vector) -> float:
    """0 for the same direction, 1 for nothing in common, 2 for opposite ones. Raises ValueError for unlike lengths.

    >>> cosine_distance([1, 0], [3, 0]), cosine_distance([1, 0], [0, 2]), cosine_distance([1, 0], [-1, 0])
    (0.0, 1.0, 2.0)
    """
    # fsum: the same number whatever the version of Python, which sum is not
    dot = math.fsum(a * b for a, b in zip(one, other, strict=True))
    lengths = math.sqrt(math.fsum(a * a for a in one)) * math.sqrt(math.fsum(b * b for b in other))
    return min(2.0, max(0.0, 1 - dot / lengths)) if lengths else 1.0


def dbscan(vectors: Mapping[str, Vector], eps: float, min_samples: int) -> list[tuple[str, ...]]:
    """The clusters, each in the order of `vectors`, the one with the earliest member first; the rest is noise.

    A vector with at least `min_samples` vectors (itself among them) within `eps` of it is a core; cores within `eps`
    of each other share a cluster, and so does whatever else is within `eps` of a core: the first such, if of several.

    >>> dbscan({"a": [1, 0], "b": [0, 1], "c": [1, 0.1], "d": [-1, 0]}, eps=0.1, min_samples=2)
    [('a', 'c')]
    """
    near = {
        name: [other for other in vectors if cosine_distance(vectors[name], vectors[other]) <= eps] for name in vectors
    }
    cores = [name for name in vectors if len(near[name]) >= min_samples]
    cluster_of: dict[str, int] = {}
    count = 0
    for core in cores:
        if core in cluster_of:
            continue
        reached = [core]
        while reached:
            name = reached.pop()
            if name not in cluster_of:
                cluster_of[name] = count
                if name in cores:
                    reached += near[name]
        count += 1
    clusters = [tuple(name for name in vectors if cluster_of.get(name) == number) for number in range(count)]
    place = {name: at for at, name in enumerate(vectors)}
    return sorted(clusters, key=lambda cluster: place[cluster[0]])


def centroid(vectors: Sequence[Vector]) -> tuple[float, ...]:
    """The plain mean.

    >>> centroid([[1, 0], [0, 1]])
    (0.5, 0.5)
    """
    return tuple(math.fsum(column) / len(vectors) for column in zip(*vectors, strict=True))


def geometric_confidence(vectors: Sequence[Vector]) -> float:
    """How tight `vectors` lie around their centroid: 1 minus half the mean cosine distance to it.

    After llm-consortium. The scale is poor, and nothing is decided by it: two unrelated vectors have 0.854.

    >>> round(geometric_confidence([[1, 0], [0, 1]]), 3), geometric_confidence([[2, 0], [2, 0]])
    (0.854, 1.0)
    """
    middle = centroid(vectors)
    return 1 - math.fsum(cosine_distance(each, middle) / 2 for each in vectors) / len(vectors)
