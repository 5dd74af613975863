"""Units of measure and money as words: their short forms, their plural."""

import re

SHORT = {
    "mm": "millimeter", "cm": "centimeter", "m": "meter", "km": "kilometer", "ft": "foot", "feet": "foot",
    "mg": "milligram", "g": "gram", "kg": "kilogram", "lb": "pound", "lbs": "pound", "oz": "ounce", "ml": "milliliter",
    "l": "liter", "litre": "liter", "s": "second", "sec": "second", "min": "minute", "h": "hour", "hr": "hour",
    "hrs": "hour", "mph": "mile per hour", "deg": "degree", "°": "degree", "people": "person", "metre": "meter",
    "kilometre": "kilometer", "centimetre": "centimeter", "inches": "inch", "yd": "yard", "sq": "square",
    "yr": "year", "yrs": "year", "mins": "minute", "secs": "second", "men": "man", "women": "woman",
    "children": "child", "$": "dollar", "usd": "dollar", "€": "euro", "eur": "euro", "£": "sterling",
    "gbp": "sterling", "¥": "yen", "jpy": "yen", "¢": "cent", '"': "inch", "″": "inch", "wpm": "word per minute",
}  # fmt: skip
GLUE = frozenset({"per", "of", "a", "an", "the", "each", "every", "in"})
_KINDS = {
    "time": "millisecond microsecond second minute hour day week month year decade century",
    "length": "millimeter centimeter meter kilometer foot inch yard mile",
    "weight": "milligram gram kilogram pound ounce ton tonne grain",
    "volume": "milliliter liter gallon quart pint tablespoon teaspoon",
    "temperature": "celsius fahrenheit kelvin degree",
    "angle": "degree radian",
    "area": "acre hectare",
    "data": "byte bit kb mb gb tb",
    "physics": "watt volt joule newton calorie",
    "money": "dollar euro sterling yen cent rupee peso franc yuan ruble",
}
KINDS = {kind: frozenset(words.split()) for kind, words in _KINDS.items()}
"""Which units measure the same. A unit may stand in more than one."""

MONEY = KINDS["money"]
MEASURES = frozenset[str]().union(*KINDS.values())
CURRENCIES = frozenset({"$", "€", "£", "¥"})


def singular(word: str) -> str:
    """A word as units are compared.

    >>> [singular(each) for each in ("minutes", "inches", "km", "gallons", "glass", "mph")]
    ['minute', 'inch', 'kilometer', 'gallon', 'glass', 'mile per hour']
    """
    if word in SHORT:
        return SHORT[word]
    if word.endswith(("ches", "shes", "xes", "sses")):
        word = word[:-2]
    elif len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 2 and word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    return SHORT.get(word, word)


def words_of(unit: str) -> list[str]:
    """The words of a unit in full, without `per`, `of` and articles.

    >>> words_of("miles per hour"), words_of("cups of feed"), words_of("km/h")
    (['mile', 'hour'], ['cup', 'feed'], ['kilometer', 'hour'])
    """
    written = [word for word in re.split(r"[\s/-]+", unit.casefold()) if word and word not in GLUE]
    return [part for word in written for part in singular(word).split() if part not in GLUE]
