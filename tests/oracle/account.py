"""Jiangmen: what a month credits to the personal account (JM-A)."""
import days
from form import ID, Field, Refusal, a_month, amount, check, date, part, refuse, word
from money import fen, share, yuan

POINT = 10_000
IDENTITIES = ("employee", "retiree", "unemployed", "flexible", "sole_trader", "resident")
SHAPE = {**ID, "month": Field(a_month), "person": Field(members={
    "identity": Field(word(*IDENTITIES)),
    "birth": Field(date, required=False), "base": Field(amount, required=False),
    "reference": Field(required=False, members={"kind": Field(word("actual", "highest", "none")),
                                "amount": Field(amount, required=False), "base": Field(amount, required=False)})})}


def answer(case, values):
    check(case, SHAPE, needed)
    person, month = case["person"], days.month(case["month"])
    if "reference" in person:
        check_reference(person["reference"])
    if person["identity"] == "resident":
        raise Refusal("UNSUPPORTED")  # A-03, JM-A-01
    if month < days.month_number(2017, 1):
        raise Refusal("NOT_IN_FORCE")  # JM-A-02
    if person["identity"] == "retiree":
        raise Refusal("PARAMETER_MISSING", parameter="")  # A-03, JM-A-12
    credit, credit_base = credit_of_reference(person, month)
    if credit_base is not None and fen(person["base"]) < credit_base:  # JM-A-09, JM-A-10
        band = age_band(person, days.month_number(2016, 12))
        credit = share(fen(person["base"]), values.rate_on("account_rate_2016_" + band, days.first_day(month)))
    if month >= days.month_number(2017, 7):
        credit = max(credit, own_contribution(fen(person["base"])))  # JM-A-11
    return {"credit": yuan(credit)}


def needed(case):
    """Facts that the amount of those who contribute rests on, and those that a former credit is told with."""
    person, reference = part(case, "person"), part(part(case, "person"), "reference")
    identity, kind = person.get("identity"), reference.get("kind")
    missing = []
    if identity in ("employee", "unemployed", "flexible", "sole_trader"):
        missing += ["person." + name for name in ("birth", "base", "reference") if name not in person]
    if identity in IDENTITIES:
        wanted = {"actual": ["amount", "base"], "highest": ["amount"]}.get(kind if isinstance(kind, str) else None, [])
        missing += ["person.reference." + name for name in wanted if name not in reference]
    return missing


def check_reference(reference):
    if reference["kind"] == "none":
        refuse([("INVALID_FIELD", "person.reference." + n) for n in ("amount", "base") if n in reference])


def age_band(person, month):
    """JM-A-06 to JM-A-08: completed years on the 1st of the month (A-01)."""
    age = days.age(days.day(person["birth"]), days.first_day(month))
    return "young" if age <= 35 else "middle" if age <= 45 else "senior"


def band_minimum(person, month):
    return {"young": 60_20, "middle": 72_24, "senior": 84_28}[age_band(person, month)]


def credit_of_reference(person, month):
    """The credit, and the base behind it that a later base is held against (None: there is none)."""
    reference = person["reference"]
    if reference["kind"] == "none":
        return band_minimum(person, month), None  # JM-A-05
    historic = fen(reference["amount"])
    base = fen(reference["base"]) if "base" in reference else None
    if reference["kind"] == "actual":
        return historic, base  # JM-A-03
    minimum = band_minimum(person, month)
    if historic < minimum:
        return minimum, None  # JM-A-04, A-02
    return historic, base


def own_contribution(base):
    return share(base, POINT // 2) + share(base, 15 * POINT // 10)
