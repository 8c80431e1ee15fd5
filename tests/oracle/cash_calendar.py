"""Zaozhuang: the days of each month on which the fund's money moves (ZZ-F33 to ZZ-F41)."""
import functools
import os
import re

import days
from form import ID, Field, Refusal, check, year

SHAPE = {**ID, "year": Field(year)}
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "config", "calendar")


class WorkingDays:
    """Reads YEAR.yaml: `year:`, then dates under `holidays:` and under `workdays:`."""

    def __init__(self, folder=FOLDER):
        self.years, self.holidays, self.workdays = set(), set(), set()
        for name in sorted(os.listdir(folder)):
            if re.fullmatch(r"[0-9]{4}\.yaml", name):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    self.read(file)

    def read(self, file):
        into = None
        for line in file:
            line = line.split("#")[0].strip()
            if line.startswith("year:"):
                self.years.add(int(line[5:]))
            elif line in ("holidays:", "workdays:"):
                into = {"holidays:": self.holidays, "workdays:": self.workdays}[line]
            elif line.startswith("- "):
                into.add(days.day(line[2:].strip()))

    def works(self, date):
        if date.year not in self.years:
            raise Refusal("PARAMETER_MISSING", parameter="calendar")  # F-04
        return date in self.workdays or (date.weekday() < 5 and date not in self.holidays)

    def at_or_before(self, date):
        while not self.works(date):
            date -= days.ONE_DAY
        return date

    def at_or_after(self, date):
        while not self.works(date):
            date += days.ONE_DAY
        return date

    def after(self, date, count):
        """The count-th working day after a day."""
        while count:
            date += days.ONE_DAY
            count -= self.works(date)
        return date


def answer(case, calendar):
    check(case, SHAPE)
    if case["year"] < 2020:
        raise Refusal("NOT_IN_FORCE")  # E-07, ZZ-F29
    january = days.month_number(case["year"], 1)
    return {"months": [a_month(m, calendar) for m in range(january, january + 12)]}


@functools.lru_cache(maxsize=10_000)
def a_month(month, calendar):
    last = calendar.at_or_before(days.last_day(month))
    before = calendar.at_or_before(last - days.ONE_DAY)
    plan = calendar.at_or_before(days.first_day(month).replace(day=25))  # ZZ-F38
    fifth = days.first_day(month + 1).replace(day=5)
    city_plan = calendar.at_or_before(fifth)  # ZZ-F39, ZZ-A4
    finance = calendar.after(city_plan, 5)  # ZZ-F40
    return {"month": days.month_text(month), "remit": [str(before), str(last)],  # ZZ-F33
            "sweep": str(last),  # ZZ-F34
            "plan_due": str(plan), "city_plan_due": str(city_plan),
            "city_plan_latest": str(calendar.at_or_after(fifth)),
            "finance_pays_by": str(finance), "city_pays_by": str(calendar.after(finance, 5))}  # ZZ-F41
