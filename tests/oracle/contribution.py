"""What is due for a month or a year: Jiangmen (JM-C) and Zaozhuang (ZZ-C)."""
import datetime

import days
from form import ID, Field, Refusal, a_month, amount, check, date, part, word, words, year
from money import fen, half_up, rate_text, share, yuan

POINT = 10_000
GROUPS = words("registered_poor", "minimum_living", "extreme_hardship", "five_guarantee", "low_income_family",
               "severely_disabled", "seriously_ill")
IDENTITIES = {"jiangmen": ["employee", "retiree", "unemployed", "flexible", "sole_trader", "resident"],
              "zaozhuang": ["employee", "retiree", "unemployed", "flexible", "sole_trader", "resident"]}


def shape(city):
    return {**ID, "month": Field(a_month, required=False), "year": Field(year, required=False),
            "person": Field(members={
                "identity": Field(word(*IDENTITIES[city])), "wage": Field(amount, required=False),
                "groups": Field(GROUPS, required=False), "birth": Field(date, required=False)}),
            "employer": Field(required=False, members={
                "kind": Field(word("enterprise", "organ", "distressed"), required=False)})}


SHAPES = {city: shape(city) for city in IDENTITIES}


def answer(city, case, values):
    check(case, SHAPES[city], lambda c: needed(city, c))
    person = case["person"]
    if person["identity"] == "resident":
        lines = {"jiangmen": jiangmen_year, "zaozhuang": zaozhuang_year}[city](case["year"], person, values)
    else:
        kind = case.get("employer", {}).get("kind", "enterprise")  # C-03
        month = days.month(case["month"])
        lines = {"jiangmen": jiangmen_month, "zaozhuang": zaozhuang_month}[city](month, person, kind, values)
    lines = [line for line in lines if line[4]]  # a payer who owes nothing has no line
    return {"lines": [shown(*line) for line in lines], "total": yuan(sum(line[4] for line in lines))}


def needed(city, case):
    """Fields that the identity asks for, and C-03."""
    person = part(case, "person")
    identity, groups = person.get("identity"), person.get("groups")
    if "month" not in case and "year" not in case:
        return ["month", "year"]
    missing = []
    if identity == "resident" and "year" not in case:
        missing.append("year")
    if identity != "resident" and identity in IDENTITIES[city] and "month" not in case:
        missing.append("month")
    if identity == "employee" and "wage" not in person and a_month(case.get("month")):
        missing.append("person.wage")  # what is due in that month rests on it
    poor = isinstance(groups, list) and "low_income_family" in groups
    if city == "jiangmen" and identity == "resident" and poor and "birth" not in person and year(case.get("year")):
        missing.append("person.birth")
    return missing


def shown(item, payer, base, rate, due):
    """C-04: what is not base × rate shows neither."""
    line = {"item": item, "payer": payer, "amount": yuan(due)}
    return line if base is None else {**line, "base": yuan(base), "rate": rate_text(rate)}


def of_base(item, payer, base, rate):
    return item, payer, base, rate, share(base, rate)  # each line rounded by itself (AMB-26)


# ---- Jiangmen

def tier2_total_rate(month):
    """JM-C-30"""
    return {2017: 450, 2018: 430}.get(month // 12, 400) * POINT // 100


def tier2_employer_rate(month):
    """JM-C-31"""
    return {2017: 300, 2018: 280}.get(month // 12, 250) * POINT // 100


def employer_rate(month):
    """JM-C-34: tiers 1 and 2 together."""
    return 3 * POINT + tier2_employer_rate(month)


def own_base(wage, minimum):
    """JM-C-20, JM-C-21, JM-C-22"""
    return min(max(wage, minimum), 3 * minimum)


def jiangmen_month(month, person, kind, values):
    if month < days.month_number(2017, 7):
        raise Refusal("NOT_IN_FORCE")  # JM-C-11, JM-C-12, E-07
    identity = person["identity"]
    if identity == "retiree":
        return []  # C-03
    minimum = values.on("minimum_base", days.first_day(month))
    if identity == "employee":
        base = own_base(fen(person["wage"]), minimum)
        return [of_base("tier1", "employer", base, 3 * POINT), of_base("tier1", "person", base, POINT // 2),  # JM-C-27
                of_base("tier2", "employer", base, tier2_employer_rate(month)),
                of_base("tier2", "person", base, 15 * POINT // 10)]  # JM-C-32
    payer = "unemployment_fund" if identity == "unemployed" else "person"  # JM-C-09, JM-C-10
    return [of_base("tier1", payer, minimum, 35 * POINT // 10),  # JM-C-28
            of_base("tier2", payer, minimum, tier2_total_rate(month))]  # JM-C-33


def jiangmen_year(year, person, values):
    exempt = is_exempt(year, person)
    if year < 2017:
        raise Refusal("NOT_IN_FORCE")
    base = rate = None
    fee = 200_00  # JM-C-15
    if year >= 2018:
        base = values.of_year("resident_disposable_income", year - 2)  # JM-C-13
        rate = {2018: 120, 2019: 140}.get(year, 160) * POINT // 100  # JM-C-14
        fee = share(base, rate)
    national = values.text_on("national_resident_fee", datetime.date(year, 1, 1))
    if national is not None and fen(national) > fee:  # JM-C-16; C-01: not published, the city's stands
        base, rate, fee = None, None, fen(national)
    return [("tier1", "finance" if exempt else "person", base, rate, fee)]


def is_exempt(year, person):
    """JM-C-03; ages on 1 January."""
    groups = set(person.get("groups", []))
    if "low_income_family" in groups:
        age = days.age(days.day(person["birth"]), datetime.date(year, 1, 1))
        if age >= 60 or age < 18 or groups & {"severely_disabled", "seriously_ill"}:
            return True
    return bool(groups & {"extreme_hardship", "minimum_living", "registered_poor"})


# ---- Zaozhuang

def monthly_wage(values, on):
    """C-02: the yearly average wage in twelve parts, rounded."""
    return half_up(values.on("provincial_average_wage", on), 12)


def zaozhuang_month(month, person, kind, values):
    if month < days.month_number(2020, 1):
        raise Refusal("NOT_IN_FORCE")  # C-02
    identity = person["identity"]
    assistance = [("assistance", "person", None, None, 10_00)]  # ZZ-C18, ZZ-C19, ZZ-A10
    if identity == "retiree":
        return assistance  # ZZ-C13
    wage = monthly_wage(values, days.first_day(month))
    floor = share(wage, 60 * POINT)  # ZZ-C16
    if identity == "unemployed":
        return [of_base("basic", "unemployment_fund", floor, 9 * POINT)] + assistance  # ZZ-C12
    if identity in ("flexible", "sole_trader"):  # ZZ-E04 to ZZ-E06
        return [of_base("basic", "person", floor, 4 * POINT)] + assistance  # ZZ-C14, ZZ-C15
    own = fen(person["wage"])
    base = min(max(own, floor), 3 * wage)  # ZZ-C16, ZZ-C17
    unit = own if values.option("unit_base") == "raw_payroll" else base  # ZZ-A8
    employer = {"enterprise": of_base("basic", "employer", unit, 8 * POINT),  # ZZ-C03
                "organ": of_base("basic", "employer", unit, 73 * POINT // 10),  # ZZ-C07
                "distressed": of_base("basic", "employer", floor, 5 * POINT)}[kind]  # ZZ-C09, ZZ-C10
    return [employer, of_base("basic", "person", base, 2 * POINT)] + assistance  # ZZ-C05, ZZ-C08, ZZ-A7


def zaozhuang_year(year, person, values):
    raise Refusal("PARAMETER_MISSING", parameter="")  # C-03: ZZ-C20 prints no amount
