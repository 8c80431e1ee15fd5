"""Jiangmen: is the person covered on a day, and with how many continuous months (JM-E, JM-G; points V-01 to V-11).

A month is a number (days.py). A contribution month c buys the service month c + 1 (JM-E-23).
"""
import bisect
import datetime

import days
from form import ID, Field, Refusal, check, date, date_or, refuse, span, word, year
from money import ONE, rate_text

WAITING = {"flexible", "sole_trader"}
SHAPE = {**ID, "as_of": Field(date), "born": Field(date, required=False, null=True),
         "known_on": Field(date, required=False),
         "contributions": Field(is_list=True, members={
             # V-09 (a): lifelong cover is no contribution, so a retiree has no word here.
             "identity": Field(word("employee", "unemployed", "flexible", "sole_trader", "resident")),
             "months": Field(span, required=False), "year": Field(year, required=False),
             "paid": Field(date_or("on_time")), "applied_on": Field(date, required=False)})}


def answer(case, values):
    check(case, SHAPE, needed)
    entries = case["contributions"]
    refuse([("OUT_OF_RANGE", "contributions[%d].months" % i) for i, e in enumerate(entries)
            if "months" in e and days.month(e["months"][0]) > days.month(e["months"][1])])  # V-09 (g)
    as_of = days.day(case["as_of"])
    if as_of < datetime.date(2018, 1, 1):
        raise Refusal("NOT_IN_FORCE")  # V-09 (a)
    born = days.day(case["born"]) if case.get("born") else None
    known_on = days.day(case["known_on"]) if "known_on" in case else datetime.date.max
    every_entry = values.option("flexible_wait") == "every_entry"
    known = History(entries, born, known_on, every_entry)
    if known.covers(as_of):
        return shown(True, months_when_covered(known, as_of), start=str(known.start_of_cover(as_of)))
    unemployed = is_unemployed(known, as_of, entries)
    seen = History(entries, born, min(known_on, as_of), every_entry)
    return shown(False, months_when_not(known, as_of), arrears(known, as_of, unemployed),
                 interrupted(seen, as_of, unemployed), end=known.end_of_cover(as_of))


def needed(case):
    entries = case.get("contributions")
    missing = []
    for i, entry in enumerate(entries if isinstance(entries, list) else []):
        identity = entry.get("identity") if isinstance(entry, dict) else None
        if identity == "resident" and "year" not in entry:
            missing.append("contributions[%d].year" % i)
        if identity in ("employee", "unemployed", "flexible", "sole_trader") and "months" not in entry:
            missing.append("contributions[%d].months" % i)
    return missing


def shown(covered, months, unpaid=0, is_interrupted=False, start=None, end=None):
    return {"covered": covered, "months": {"tier1": months[0], "tier2": months[1]},
            "scale": rate_text(scale(months[0])), "arrears": unpaid, "interrupted": is_interrupted, "from": start,
            "until": end}


def scale(n):
    """JM-G-01 to JM-G-08"""
    return ONE // 2 if n <= 12 else ONE * 7 // 10 if n <= 24 else ONE


class Payment:
    def __init__(self, identity, paid, applied):
        self.identity, self.paid, self.applied = identity, paid, applied


class History:
    """What a person's payments up to a day buy.

    listed   contribution month → identity, its payment known or not
    paid     contribution month → its earliest known payment (V-02)
    good     contribution months that count: paid in time, or paid back within the grace
    monthly  service months covered by contribution months
    resident days covered by resident years, as (first, last)
    """

    def __init__(self, entries, born, known_on, every_entry):
        self.listed, self.paid, self.resident = {}, {}, []
        for entry in entries:
            if entry["identity"] == "resident":
                self.add_year(entry["year"], entry["paid"], born, known_on)
        payments = {}
        for entry in entries:
            if entry["identity"] != "resident":
                add_months(payments, entry)
        for c, payment in payments.items():
            self.listed[c] = payment.identity
            if payment.paid <= known_on:
                self.paid[c] = payment
        self.resident_months = {m for first, last in self.resident
                                for m in range(days.month_of(first), days.month_of(last) + 1)}
        self.sorted_listed, self.sorted_resident = sorted(self.listed), sorted(self.resident_months)
        self.good = {c for c in self.paid if not self.too_late(c)}
        self.joint = self.good | self.resident_months  # JM-G-18, JM-G-19
        self.monthly = set()
        self.add_service_months(every_entry)

    def add_year(self, a_year, paid, born, known_on):
        first, last = datetime.date(a_year, 1, 1), datetime.date(a_year, 12, 31)
        paid = first - days.ONE_DAY if paid == "on_time" else days.day(paid)  # V-04
        if paid > known_on:
            return
        if newborn_in_time(born, paid):
            start = first  # JM-E-36, AMB-24: from birth
        elif paid < first:
            start = first  # JM-E-27, JM-C-38
        else:
            start = days.first_day(days.month_of(paid) + 1)  # JM-E-28, JM-E-38, V-01
        if born is not None:
            start = max(start, born)
        if start <= last:
            self.resident.append((start, last))

    # -- which months count

    def owed(self, c):
        """Is this a contribution month? A month that is listed is one. After it every month is owed, until a resident
        year or a spell of unemployment, which leaves no arrears (V-08, V-09 (c))."""
        if c in self.listed:
            return True
        listed, resident = last_below(self.sorted_listed, c), last_below(self.sorted_resident, c + 1)
        if listed is None or self.listed[listed] == "unemployed":
            return False
        return resident is None or resident < listed

    def unpaid_at(self, c, day):
        """Just before a payment on that day."""
        return self.owed(c) and (c not in self.paid or self.paid[c].paid >= day)

    def too_late(self, c):
        """JM-G-11, JM-G-14: paid back when more than three months in a row were unpaid (V-02)."""
        day = self.paid[c].paid
        now = days.month_of(day)  # the month of payment is not counted (AMB-27)
        if c >= now:
            return False
        low = high = c
        while self.unpaid_at(low - 1, day):
            low -= 1
        while high + 1 < now and self.unpaid_at(high + 1, day):
            high += 1
        return high - low + 1 > 3

    # -- which service months are covered

    def add_service_months(self, every_entry):
        waits_to = None  # first covered month of the present entry with a wait
        for c in sorted(self.good):
            identity, before = self.paid[c].identity, self.identity_of(c - 1)
            if identity in WAITING and (before is None or (every_entry and before != identity)):
                waits_to = c + 3  # JM-E-25, JM-G-17, AMB-29
            elif identity not in WAITING:
                waits_to = None
            if identity == "unemployed" and self.listed.get(c - 1) != "unemployed":
                applied = self.paid[c].applied
                start = days.month_of(applied) if applied else c  # V-05
                self.monthly.update(range(start, c + 1))  # JM-E-24, V-10
            if waits_to is None or c + 1 >= waits_to:
                self.monthly.add(c + 1)  # JM-E-23, JM-E-26, JM-G-16

    def identity_of(self, c):
        return self.paid[c].identity if c in self.good else None

    # -- questions

    def covers(self, day):
        return days.month_of(day) in self.monthly or any(first <= day <= last for first, last in self.resident)

    def start_of_cover(self, day):
        """V-08: first day of the unbroken cover that holds on a covered day."""
        month = days.month_of(day)
        while True:
            first = days.first_day(month)
            if not self.covers(first):  # only a birth begins inside a month
                return min(start for start, _ in self.resident if days.month_of(start) == month)
            if not self.covers(first - days.ONE_DAY):
                return first
            month -= 1

    def end_of_cover(self, day):
        """V-08: last covered day before a day that is not covered, as text; None."""
        before = [m for m in self.monthly | self.resident_months if m < days.month_of(day)]
        return str(days.last_day(max(before))) if before else None

    def last_good(self, month):
        return max((c for c in self.good if c <= month), default=None)

    def last_resident(self, day):
        """The last month that a resident year covered before a day."""
        return max((days.month_of(min(last, day)) for first, last in self.resident if first <= day), default=None)


def add_months(payments, entry):
    """V-02: a month counts once, by its earliest payment."""
    applied = days.day(entry["applied_on"]) if "applied_on" in entry else None
    for c in range(days.month(entry["months"][0]), days.month(entry["months"][1]) + 1):
        paid = days.last_day(c) if entry["paid"] == "on_time" else days.day(entry["paid"])  # V-04
        if c not in payments or paid < payments[c].paid:
            payments[c] = Payment(entry["identity"], paid, applied)


def last_below(numbers, limit):
    """The greatest of sorted numbers that is below the limit; None."""
    at = bisect.bisect_left(numbers, limit)
    return numbers[at - 1] if at else None


def newborn_in_time(born, paid):
    """JM-E-35, AMB-24: up to the end of the third month after the month of birth."""
    return born is not None and born <= paid <= days.last_day(days.month_of(born) + 3)


def run(months, end):
    """How many months in a row, the last of them `end`, are in the set."""
    n = 0
    while end - n in months:
        n += 1
    return n


def months_when_covered(known, as_of):
    """V-06: contribution months count up to the month before; a resident year also counts the month itself."""
    month = days.month_of(as_of)
    by_resident = any(first <= as_of <= last for first, last in known.resident)
    n1 = run(known.joint, month if by_resident else month - 1)
    n2 = run(known.good, month - 1) if month in known.monthly else 0
    return n1, n2


def months_when_not(known, as_of):
    """V-08, V-09 (c), (d), (f): as they stand after the last bought month; in a wait, the months paid so far."""
    contribution, resident = known.last_good(days.month_of(as_of) - 1), known.last_resident(as_of)
    ends = [m for m in (contribution, resident) if m is not None]
    return (run(known.joint, max(ends)) if ends else 0), (0 if contribution is None else run(known.good, contribution))


def is_unemployed(known, as_of, entries):
    """V-09 (e), V-11 (b): by the last contribution month up to this one, or by an application."""
    month = days.month_of(as_of)
    last, identity = -1, None
    for c, listed in known.listed.items():
        if last < c <= month:
            last, identity = c, listed
    for entry in entries:
        if entry["identity"] == "unemployed" and "applied_on" in entry:
            applied = days.month_of(days.day(entry["applied_on"]))
            if last <= applied <= month:
                last, identity = applied, "unemployed"
    return identity == "unemployed"


def arrears(known, as_of, unemployed):
    """V-08: unpaid contribution months in a row up to the month before, of a person who is not covered."""
    month = days.month_of(as_of) - 1
    contribution, resident = known.last_good(month), known.last_resident(as_of)
    if contribution is None:
        return 0  # V-09 (d); months bought too late do not count (V-09 (f))
    if unemployed or (resident is not None and resident >= contribution):
        return 0  # V-08; V-09 (c), V-11 (d)
    unpaid = 0
    while known.owed(month - unpaid) and month - unpaid not in known.paid:
        unpaid += 1
    return unpaid


def interrupted(seen, as_of, unemployed):
    """V-08, V-11: did arrears of more than three months, as they stood on the day, end the cover of a person who is not
    covered? The wait after them is included. `seen` holds what was paid by then."""
    if unemployed:
        return False  # V-09 (e)
    month = days.month_of(as_of) - 1
    while month in seen.good:  # in a wait: look at what is behind it
        month -= 1
    gap = 0
    while month not in seen.good and month not in seen.resident_months and seen.owed(month):
        gap += 1
        month -= 1
    return month in seen.good and month not in seen.resident_months and gap > 3  # V-09 (d), V-11 (c)
