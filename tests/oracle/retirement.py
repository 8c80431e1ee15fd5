"""How many contribution months lifelong benefit asks for, and what a shortfall costs: JM-Y and ZZ-Y."""
import datetime

import days
from contribution import employer_rate, monthly_wage
from form import ID, Field, Refusal, a_month, check, count, date, part, refuse, word, yes_no
from money import share, yuan

POINT = 10_000
SHAPES = {
    "jiangmen": {**ID, "on": Field(date), "person": Field(members={
        "first_tier2": Field(a_month), "months": Field(count), "transferred": Field(yes_no, required=False),
        "local_months": Field(count, required=False)})},
    "zaozhuang": {**ID, "on": Field(date), "person": Field(members={
        "sex": Field(word("male", "female")), "actual_months": Field(count),
        "deemed_months": Field(count, required=False)})},
}


def answer(city, case, values):
    check(case, SHAPES[city], {"jiangmen": needed}.get(city))
    return {"jiangmen": jiangmen, "zaozhuang": zaozhuang}[city](days.day(case["on"]), case["person"], values)


def needed(case):
    """JM-Y-07: of who moved in."""
    person = part(case, "person")
    return ["person.local_months"] if person.get("transferred") is True and "local_months" not in person else []


def shown(required, missing, monthly, exempt):
    """R-01, R-04"""
    return {"required": required, "missing": missing, "monthly": yuan(monthly), "lump_sum": yuan(missing * monthly),
            "exempt": exempt}


def jiangmen(on, person, values):
    transferred = person.get("transferred", False)
    months, local = person["months"], person.get("local_months", person["months"])
    if local > months:
        refuse([("OUT_OF_RANGE", "person.local_months"), ("OUT_OF_RANGE", "person.months")])
    if days.month(person["first_tier2"]) > days.month_of(on):
        raise Refusal("OUT_OF_RANGE", "person.first_tier2", "on")  # joined after the formality
    if on < datetime.date(2017, 7, 1):
        raise Refusal("NOT_IN_FORCE")  # E-07
    # JM-Y-01, JM-Y-02
    required = 240 if days.month(person["first_tier2"]) < days.month_number(2018, 1) else 300
    missing = max(0, required - months)
    monthly = share(values.on("minimum_base", on), employer_rate(days.month_of(on)))  # JM-Y-09
    if not transferred:
        return shown(required, missing, monthly, missing == 0)
    local_missing = max(0, 120 - local)  # JM-Y-07
    return {**shown(required, missing, monthly, missing == 0 and local_missing == 0), "local_missing": local_missing}


def zaozhuang(on, person, values):
    if on < datetime.date(2019, 12, 30):
        raise Refusal("NOT_IN_FORCE")
    required = {"male": 300, "female": 240}[person["sex"]]  # ZZ-Y01, ZZ-Y02
    actual = person["actual_months"]
    missing = max(required - (actual + person.get("deemed_months", 0)), 120 - actual, 0)  # ZZ-Y03, ZZ-A2
    monthly = share(monthly_wage(values, on), 4 * POINT)  # ZZ-Y06, ZZ-A1
    return shown(required, missing, monthly, missing == 0)
