"""The Condition element of IAM and resource policies."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

Context = Mapping[str, list[str]]


def wildcard(pattern: str, text: str, ignore_case: bool = False) -> bool:
    """Whether text matches a pattern of IAM, where * is any text and ? any character."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def test(wanted: str, actual: str) -> bool:
        try:
            return compare(float(actual), float(wanted))
        except ValueError:
            return False

    return test


def _text(compare: Callable[[str, str], bool]) -> Callable[[str, str], bool]:
    """ISO 8601 times of one zone sort like text."""
    return lambda wanted, actual: compare(actual, wanted)


def _address(wanted: str, actual: str) -> bool:
    try:
        return ipaddress.ip_address(actual) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


# Operator -> does one actual value satisfy one wanted value.
OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "stringequals": lambda wanted, actual: wanted == actual,
    "stringequalsignorecase": lambda wanted, actual: wanted.lower() == actual.lower(),
    "stringlike": wildcard,
    "arnequals": wildcard,
    "arnlike": wildcard,
    "bool": lambda wanted, actual: wanted.lower() == actual.lower(),
    "binaryequals": lambda wanted, actual: wanted == actual,
    "ipaddress": _address,
    "numericequals": _number(lambda a, w: a == w),
    "numericlessthan": _number(lambda a, w: a < w),
    "numericlessthanequals": _number(lambda a, w: a <= w),
    "numericgreaterthan": _number(lambda a, w: a > w),
    "numericgreaterthanequals": _number(lambda a, w: a >= w),
    "dateequals": _text(lambda a, w: a == w),
    "datelessthan": _text(lambda a, w: a < w),
    "datelessthanequals": _text(lambda a, w: a <= w),
    "dategreaterthan": _text(lambda a, w: a > w),
    "dategreaterthanequals": _text(lambda a, w: a >= w),
}
NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "notipaddress": "ipaddress",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
}


def satisfied(condition: Mapping[str, Mapping[str, Any]] | None, context: Context) -> bool:
    """Whether all operators of a Condition element hold for all their keys.
    The context's keys are in lower case. An operator that is not known here
    holds for nothing, so that it never widens what is allowed."""
    return all(
        _holds(operator, key, _strings(wanted), context)
        for operator, tests in (condition or {}).items()
        for key, wanted in tests.items()
    )


def _strings(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in values]


def _holds(operator: str, key: str, wanted: list[str], context: Context) -> bool:
    name = operator.lower()
    every = name.startswith("forallvalues:")
    name = name.removeprefix("forallvalues:").removeprefix("foranyvalue:")
    actual = context.get(key.lower())
    if name == "null":
        return (actual is None) == (wanted[0].lower() == "true")
    optional = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    negated = name in NEGATED
    test = OPERATORS.get(NEGATED.get(name, name))
    if test is None:
        return False
    if not actual:
        return optional or negated or every
    matches = [any(test(_filled(w, context), a) for w in wanted) for a in actual]
    if every:
        return all(match != negated for match in matches)
    return not any(matches) if negated else any(matches)


def _filled(wanted: str, context: Context) -> str:
    """The wanted value with policy variables such as ${aws:username} filled in."""

    def value(match: re.Match[str]) -> str:
        found = context.get(match.group(1).lower())
        return found[0] if found else match.group(0)

    return re.sub(r"\$\{([^}]+)\}", value, wanted)
