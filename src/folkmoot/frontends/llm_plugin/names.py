"""Model names of `llm consortium`: an id of `llm`, a panel, or anything that --models takes."""

from collections import Counter
from collections.abc import Sequence

from folkmoot.errors import InputError
from folkmoot.machine.seats import parse_models
from folkmoot.providers.llm_models import installed_models, is_ours
from folkmoot.running.runs import Machine

MOST = 1000  # seats for one name


class Names:
    """The names there are: those of `llm` go first, because `llm -m NAME` would ask the same."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._models = {
            name: (each.async_model or each.model).model_id
            for name, each in installed_models().items()
            if not is_ours(each)
        }

    def check_free(self, name: str) -> None:
        """Raises InputError where a panel so called could not be asked, because another model is called so."""
        if name in self._models:
            raise InputError(f"{name!r} is a model of llm already; choose another name")

    def written(self, words: Sequence[str], count: int = 1) -> list[str]:
        """`words` as --models takes them, each as often as it says or `count` times.

        A colon begins a count only where what is before it is a name, so that the tag of `llama3:8b` is none.
        """
        if not 1 <= count <= MOST:
            raise InputError(f"--count must be from 1 to {MOST}")
        return [self._one(part.strip(), count) for word in words for part in word.split(",") if part.strip()]

    def frozen(self, words: Sequence[str], count: int = 1) -> list[str]:
        """The same as provider/model, once each: what a panel keeps. Raises InputError for what means nothing."""
        written = self.written(words, count)
        panels, servers = self._machine.panels, self._machine.config.providers
        found = Counter(seat.model for seat in parse_models(written, panels=panels, servers=servers))
        return [f"{model}*{many}" if many > 1 else model for model, many in found.items()]

    def _one(self, word: str, count: int) -> str:
        if seat := self._seat(word):
            return f"{seat}*{count}"
        for mark in ("*", ":"):
            name, found, number = word.rpartition(mark)
            if found and number.isdecimal() and (seat := self._seat(name)):
                if not 1 <= int(number) <= MOST:
                    raise InputError(f"{word!r}: after {mark} stands how many seats, from 1 to {MOST}")
                return f"{seat}*{number}"
        counted = word.rpartition("*")[1] or word.rpartition(":")[2].isdecimal()
        return word if count == 1 or counted else f"{word}*{count}"

    def _seat(self, name: str) -> str | None:
        if name in self._models:
            return f"llm/{self._models[name]}"
        if name in self._machine.panels and self._machine.panels[name].protocol is not None:
            return f"panel/{name}"
        return name if name in self._machine.panels else None
