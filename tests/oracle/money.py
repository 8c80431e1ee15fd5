"""Money as whole fen, rates as whole millionths; nothing here is ever a float."""
import re

MONEY = re.compile(r"(0|[1-9][0-9]{0,14})\.[0-9]{2}", re.ASCII)
ONE = 1_000_000  # a rate of 100 %


def is_money(text):
    return isinstance(text, str) and MONEY.fullmatch(text) is not None


def fen(text):
    """ "1234.50" → 123450 """
    return int(text.replace(".", ""))


def yuan(amount):
    """ 123450 → "1234.50" (≥ 0) """
    return "%d.%02d" % divmod(amount, 100)


def signed_fen(text):
    """The amount of a step, which alone may carry a minus sign."""
    return -fen(text[1:]) if text.startswith("-") else fen(text)


def rate(text):
    """ "0.55" → 550000 """
    whole, _, part = text.partition(".")
    return int(whole) * ONE + int(part.ljust(6, "0"))


def rate_text(value):
    """ 550000 → "0.55"; at least two decimals """
    whole, part = divmod(value, ONE)
    part = ("%06d" % part).rstrip("0").ljust(2, "0")
    return "%d.%s" % (whole, part)


def half_up(numerator, denominator):
    """numerator / denominator, half up (both ≥ 0)."""
    return (2 * numerator + denominator) // (2 * denominator)


def share(amount, millionths):
    """amount × rate, half up to the fen."""
    return half_up(amount * millionths, ONE)


def share_up(amount, millionths):
    """amount × rate, any part of a fen up."""
    return -(-amount * millionths // ONE)
