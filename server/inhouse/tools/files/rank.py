"""Ranks files by how well they fit a text in plain words.  Pure; needs no model."""

import re
from collections.abc import Sequence

from attrs import frozen

MOST_WORDS = 12

_COMMON = frozenset(
    """
    a about above add after all also an and any are as at be because been before being below
    between both but by can change changes code could did do does doing down during each every
    explain file files find fix for from further get has have having help here how i if implement
    in into is it its just kind let like list look make me more most my need new no nor not now of
    off on once only or other our out over own please project read related relevant same search
    see should show so some such than that the their them then there these they thing things
    this those through to too under until up update use used uses using want was we were what
    when where which while who why will with work works would write you your
    """.split()  # noqa: SIM905  a list of them would fill a page
)
_WORD = re.compile(r"[A-Za-z_$][\w$]*(?:[./-][\w$]+)*|\d{3,}")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@frozen
class Candidate:
    """A file, and the words that its text has."""

    path: str
    found: tuple[str, ...]


def words(prompt: str) -> tuple[str, ...]:
    """Return the words worth searching for, names as they are written in code first."""
    found = dict.fromkeys(match.group() for match in _WORD.finditer(prompt))
    kept = [word for word in found if word.lower() not in _COMMON and len(word) > 1]
    kept.sort(key=lambda word: not _is_name(word))
    return tuple(kept[:MOST_WORDS])


def ranked(candidates: Sequence[Candidate], sought: Sequence[str]) -> list[str]:
    """Return the paths that fit, the best first."""
    common = {
        word: sum(word in each.found for each in candidates) / max(len(candidates), 1)
        for word in sought
    }
    scores = {each.path: _score(each, sought, common) for each in candidates}
    fitting = [path for path, score in scores.items() if score > 0]
    return sorted(fitting, key=lambda path: (-scores[path], path.count("/"), path))


def _score(candidate: Candidate, sought: Sequence[str], common: dict[str, float]) -> float:
    """Score a file: a word in the path counts more than one in the text, a common word little."""
    path = candidate.path.lower()
    stem = path.rpartition("/")[2].partition(".")[0]
    parts = {part.lower() for part in _PARTS.findall(candidate.path)}
    score = 0.0
    for word in sought:
        low = word.lower()
        if low in (path, stem) or path.endswith(f"/{low}"):
            score += 6
        elif low in parts or _stem(low) in {_stem(part) for part in parts}:
            score += 3
        elif len(low) > 3 and low in path:  # noqa: PLR2004  shorter ones are in too many
            score += 2
        if word in candidate.found:
            score += (2 if _is_name(word) else 1) * (1 - common[word]) + 0.01
    is_test = bool({"test", "tests", "spec"} & parts)
    return score * (0.7 if is_test and not {"test", "tests"} & {w.lower() for w in sought} else 1)


def _stem(word: str) -> str:
    return word.removesuffix("s").removesuffix("ing").removesuffix("ed")


def _is_name(word: str) -> bool:
    return bool(re.search(r"[_./$-]|[a-z][A-Z]|\d", word))
