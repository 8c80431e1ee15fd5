"""Days are datetime.date; a month is the number year × 12 + month − 1, so that months add and compare."""
import datetime
import functools
import re

DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)
MONTH = re.compile(r"([0-9]{4})-([0-9]{2})", re.ASCII)
ONE_DAY = datetime.timedelta(days=1)


def day(text):
    """ "2018-03-01" → date; None when there is no such day """
    return day_of_text(text) if isinstance(text, str) else None


@functools.lru_cache(maxsize=100_000)
def day_of_text(text):
    match = DAY.fullmatch(text)
    if not match:
        return None
    try:
        return datetime.date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def month(text):
    """ "2018-03" → number of the month; None when there is no such month """
    match = MONTH.fullmatch(text) if isinstance(text, str) else None
    if not match or not 1 <= int(match[2]) <= 12:
        return None
    return month_number(int(match[1]), int(match[2]))


def month_number(year, number):
    return year * 12 + number - 1


def month_of(date):
    return month_number(date.year, date.month)


def first_day(a_month):
    return datetime.date(a_month // 12, a_month % 12 + 1, 1)


def last_day(a_month):
    return first_day(a_month + 1) - ONE_DAY


def month_text(a_month):
    return "%04d-%02d" % (a_month // 12, a_month % 12 + 1)


def age(birth, on):
    """Completed years of life on a day; below 0 before birth."""
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))
