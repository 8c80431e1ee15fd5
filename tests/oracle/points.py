"""Zhoushan: points settlement with hospitals (ZS-B10 to ZS-B12, ZS-F07, ZS-F08), the ten steps of the catalogue.

The method is common practice and not printed in the plan, so every number is a default that a value may replace.
Points are whole ten-thousandths. A product is divided once, half up.
"""
import datetime

import days
from form import ID, Field, Refusal, a_month, amount, check, count, refuse, text, word, year, yes_no
from money import ONE, fen, half_up, rate, share, yuan

POINT = 10_000
DEFAULTS = {"drg_base_points": "100", "drg_stable_cases": "5", "drg_stable_variation": "1", "drg_low_ratio": "0.4",
            "drg_high_points1": "100", "drg_high_ratio1": "3", "drg_high_points2": "200", "drg_high_ratio2": "2.5",
            "drg_high_ratio3": "2", "drg_month_share": "0.95", "drg_overrun_borne": "0.15", "drg_surplus_kept": "0.85"}


def a_rate(value):
    if not isinstance(value, str):
        return False
    whole, dot, part = value.partition(".")
    digits = whole.isascii() and whole.isdigit() and (whole == "0" or whole[0] != "0")
    return digits and (not dot or part.isascii() and part.isdigit() and len(part) <= 6) and rate(value) <= 1000 * ONE


SHAPE = {**ID, "year": Field(year, required=False), "month": Field(a_month, required=False), "budget": Field(amount),
    "average": Field(amount, required=False),
    "groups": Field(is_list=True, members={
        "code": Field(text), "mean": Field(amount), "cases": Field(count), "variation": Field(a_rate, required=False)}),
    "hospitals": Field(is_list=True, members={
        "code": Field(text), "quality": Field(a_rate, required=False), "paid": Field(amount, required=False),
        "figure": Field(amount, required=False)}),
    "coefficients": Field(is_list=True, required=False, members={
        "hospital": Field(text), "group": Field(text), "value": Field(a_rate)}),
    "cases": Field(is_list=True, members={
        "hospital": Field(text), "group": Field(text, required=False, null=True),
        "mode": Field(word("drg", "bed_day", "item"), required=False), "cost": Field(amount), "patient": Field(amount),
        "days": Field(count, required=False), "daily": Field(amount, required=False),
        "reviewed": Field(yes_no, required=False), "denied": Field(yes_no, required=False),
        "penalty": Field(a_rate, required=False)})}


def answer(case, values):
    check(case, SHAPE, needed)
    check_together(case)
    yearly = "year" in case
    on = datetime.date(case["year"], 12, 31) if yearly else days.last_day(days.month(case["month"]))
    if on.year < 2021:
        raise Refusal("NOT_IN_FORCE")  # ZS-N02
    method = {name: rate(values.text_on(name, on) or default) for name, default in DEFAULTS.items()}
    groups = case["groups"]
    average = average_cost(case)
    base = {g["code"]: base_points(g, average, method) for g in groups}
    stable = {g["code"]: is_stable(g, method) for g in groups}
    judged = [judge(c, case, average, base, stable, method) for c in case["cases"]]
    counted = [c for c, (kind, _) in zip(case["cases"], judged) if kind != "denied"]
    fees, patient = (sum(fen(c[name]) for c in counted) for name in ("cost", "patient"))
    by_item, budget = fees - patient, fen(case["budget"])
    fund = yearly_fund(by_item, budget, method) if yearly else budget
    codes = [h["code"] for h in case["hospitals"]]
    points = [sum(p for c, (_, p) in zip(case["cases"], judged) if c["hospital"] == code) for code in codes]
    if min(points, default=0) < 0 or sum(points) == 0:
        raise Refusal("OUT_OF_RANGE")
    gross = largest_remainder(fund + patient, points)
    hospitals = []
    for h, its_points, its_gross in zip(case["hospitals"], points, gross):
        its_patient = sum(fen(c["patient"]) for c in counted if c["hospital"] == h["code"])
        hospitals.append({"code": h["code"], "points": points_text(its_points), "gross": yuan(its_gross),
                          "patient": yuan(its_patient), **clearing(h, its_gross - its_patient, yearly, method)})
    more = {"difference": signed(by_item - budget)} if yearly else {}
    return {"average": yuan(average),
            "groups": [{"code": c, "points": points_text(base[c]), "stable": stable[c]} for c in base],
            "cases": [{"kind": kind, "points": points_text(p)} for kind, p in judged],
            "points": points_text(sum(points)), "fees": yuan(fees), "patient": yuan(patient), "by_item": yuan(by_item),
            **more, "fund": yuan(fund), "value": value_text(half_up((fund + patient) * 10**7, sum(points))),
            "hospitals": hospitals}


def needed(case):
    """A year or a month; of a case that is paid by the day, the days and what a day is worth."""
    missing = [] if "year" in case or "month" in case else ["year", "month"]
    cases = case.get("cases")
    for i, c in enumerate(cases if isinstance(cases, list) else []):
        if isinstance(c, dict) and c.get("mode") == "bed_day":
            missing += ["cases[%d].%s" % (i, name) for name in ("days", "daily") if name not in c]
    return missing


def check_together(case):
    if "year" in case and "month" in case:
        raise Refusal("INVALID_FIELD")
    groups, hospitals = [g["code"] for g in case["groups"]], [h["code"] for h in case["hospitals"]]
    faults = []
    if len(set(groups)) < len(groups) or len(set(hospitals)) < len(hospitals):
        raise Refusal("INVALID_FIELD")
    for i, c in enumerate(case.get("coefficients", [])):
        where = "coefficients[%d]." % i
        if c["hospital"] not in hospitals:
            faults.append(("INVALID_FIELD", where + "hospital"))
        if c["group"] not in groups:
            faults.append(("INVALID_FIELD", where + "group"))
    for i, c in enumerate(case["cases"]):
        where = "cases[%d]." % i
        if c["hospital"] not in hospitals:
            faults.append(("INVALID_FIELD", where + "hospital"))
        if c.get("group") is not None and c["group"] not in groups:
            faults.append(("INVALID_FIELD", where + "group"))
        if c.get("mode", "drg") != "bed_day":
            faults += [("INVALID_FIELD", where + name) for name in ("days", "daily") if name in c]
        if fen(c["patient"]) > fen(c["cost"]):
            faults.append(("OUT_OF_RANGE", where + "patient"))
            faults.append(("OUT_OF_RANGE", where + "cost"))
            faults.append(("OUT_OF_RANGE", "cases"))
    refuse(faults)


# ---- steps 3 to 6

def average_cost(case):
    """C_all"""
    if "average" in case:
        return fen(case["average"])
    return half_up(sum(fen(g["mean"]) * g["cases"] for g in case["groups"]), sum(g["cases"] for g in case["groups"]))


def base_points(group, average, method):
    """Step 4: 100 × C_d / C_all."""
    return by_cost(fen(group["mean"]), average, method)


def by_cost(cost, average, method):
    return half_up(method["drg_base_points"] // ONE * POINT * cost, average)


def is_stable(group, method):
    """Step 3: n ≥ 5 and CV ≤ 1."""
    return (group["cases"] * ONE >= method["drg_stable_cases"] and
            rate(group.get("variation", "0")) <= method["drg_stable_variation"])


def judge(c, case, average, base, stable, method):
    """Step 6: the kind of a case and its points."""
    kind, points = unpunished(c, case, average, base, stable, method)
    return kind, points - rate(c.get("penalty", "0")) * POINT // ONE


def unpunished(c, case, average, base, stable, method):
    cost, mode, group = fen(c["cost"]), c.get("mode", "drg"), c.get("group")
    if c.get("denied"):
        return "denied", 0
    if mode == "item":
        return "item", by_cost(cost, average, method)
    if mode == "bed_day":
        return "bed_day", by_cost(fen(c["daily"]) * c["days"], average, method)
    if group is None:
        return "ungrouped", by_cost(cost, average, method)
    if not stable[group]:
        return "unstable", by_cost(cost, average, method)
    p, k = base[group], coefficient(case, c["hospital"], group)
    mean = next(fen(g["mean"]) for g in case["groups"] if g["code"] == group)
    normal = share(p, k)
    if cost * ONE < method["drg_low_ratio"] * mean:
        return "low", min(normal, half_up(p * k * cost, ONE * mean))
    high = high_ratio(p, method)
    if cost * ONE >= high * mean and c.get("reviewed"):
        return "high", normal + half_up(p * (cost * ONE - high * mean), ONE * mean)
    return "normal", normal


def coefficient(case, hospital, group):
    """Step 5: 1 where none is given."""
    for c in case.get("coefficients", []):
        if (c["hospital"], c["group"]) == (hospital, group):
            return rate(c["value"])
    return ONE


def high_ratio(base, method):
    for n in "12":
        if base * ONE <= method["drg_high_points" + n] * POINT:
            return method["drg_high_ratio" + n]
    return method["drg_high_ratio3"]


# ---- steps 7 to 10

def yearly_fund(by_item, budget, method):
    """Step 8: the fund bears a share of an overrun, hospitals keep a share of a surplus."""
    if by_item > budget:
        return budget + share(by_item - budget, method["drg_overrun_borne"])
    return by_item + share(budget - by_item, method["drg_surplus_kept"])


def largest_remainder(whole, weights):
    """Steps 9 and 10: the parts add up to the whole."""
    parts = [whole * w // sum(weights) for w in weights]
    order = sorted(range(len(weights)), key=lambda i: (-(whole * weights[i] % sum(weights)), i))
    for i in order[:whole - sum(parts)]:
        parts[i] += 1
    return parts


def clearing(hospital, due, yearly, method):
    if yearly:  # step 9
        owed = half_up_signed(due * rate(hospital.get("quality", "1")), ONE)
        return {"due": signed(due), "clearing": signed(owed - fen(hospital.get("paid", "0.00")))}
    pay = share(max(0, due), method["drg_month_share"])  # step 7; what a hospital owes waits for the year
    return {"due": signed(due), "pay": signed(pay), "held": signed(due - pay)}


def half_up_signed(numerator, denominator):
    """Half up in amount: −0.5 becomes −1."""
    return half_up(numerator, denominator) if numerator >= 0 else -half_up(-numerator, denominator)


# ---- texts

def signed(fen_amount):
    return yuan(fen_amount) if fen_amount >= 0 else "-" + yuan(-fen_amount)


def points_text(points):
    return "%s%d.%04d" % ("-" if points < 0 else "", *divmod(abs(points), POINT))


def value_text(value):
    return "%d.%05d" % divmod(value, 100_000)
