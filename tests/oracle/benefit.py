"""Jiangmen: what the funds pay of one bill (policy: JM-B, JM-G, JM-R; points B-01 to B-15 of the interface).

E is the in-scope expense, D the deductible, X = E − D; P1, P2, P3 what tier 1, tier 2 and catastrophic insurance pay.
"""
import datetime

import days
from form import ID, Field, Refusal, amount, check, count, date, refuse, word, words, yes_no
from money import ONE, fen, half_up, share, yuan

POINT = 10_000  # a hundredth of a rate
IN_FORCE = datetime.date(2018, 1, 1)  # JM-B-01
LAYERS = ["tier1", "tier2", "catastrophic"]
TOTALS = ["tier1_paid", "tier2_paid", "tier2_base", "catastrophic_paid", "catastrophic_base",
          "outpatient_tier1_paid", "outpatient_primary_paid", "outpatient_other_paid"]
UNCAPPED = {"registered_poor", "minimum_living", "extreme_hardship"}

SHAPE = {**ID,
    "person": Field(members={
        "identity": Field(word("employee", "retiree", "unemployed", "flexible", "sole_trader", "resident")),
        "groups": Field(words("registered_poor", "minimum_living", "extreme_hardship", "five_guarantee",
                              "low_income_family", "severely_disabled", "seriously_ill", "preferential", "mutual_aid"),
                        required=False),
        "covered": Field(yes_no),
        "months": Field(required=False, members={"tier1": Field(count, required=False),
                                                 "tier2": Field(count, required=False)}),
        "cover_months": Field(count, required=False)}),
    "facility": Field(members={
        "level": Field(word("1", "2", "3")), "designated": Field(yes_no), "primary": Field(yes_no, required=False)}),
    "visit": Field(members={
        "type": Field(word("inpatient", "outpatient", "special_outpatient")),
        "from": Field(date), "to": Field(date), "area": Field(word("city", "outside"), required=False),
        "filing": Field(word("none", "filed", "unfiled", "late", "resettled", "posted"), required=False),
        "childbirth": Field(yes_no, required=False), "family_bed": Field(yes_no, required=False),
        "referral": Field(required=False, null=True, members={"deductible_borne": Field(amount)}),
        "point": Field(word("primary", "other", "none"), required=False),
        "referred_on": Field(date, required=False, null=True)}),
    "fees": Field(members={"total": Field(amount), "in_scope": Field(amount),
                           "class_b": Field(amount, required=False)}),
    "used": Field(required=False, members={name: Field(amount, required=False) for name in TOTALS}),
}


def answer(case, values):
    check(case, SHAPE)
    check_together(case)
    person, visit = case["person"], case["visit"]
    to = days.day(visit["to"])
    if to < IN_FORCE:
        raise Refusal("NOT_IN_FORCE")  # B-09
    used = {name: fen(case.get("used", {}).get(name, "0.00")) for name in TOTALS}
    if not person["covered"]:
        return nothing("not_covered", case, used)
    if visit["type"] == "special_outpatient":
        return nothing("manual", case, used)  # JM-B-27, JM-B-28: the table is not published
    if visit["type"] == "outpatient":
        deductible, paid = 0, outpatient(case, used)
    else:
        deductible, paid = inpatient(case, used, values, values.on("catastrophic_threshold", to))
    return paid_answer(case, used, deductible, paid)


# ---- the form of an answer

def paid_answer(case, used, deductible, paid):
    fund = sum(paid.values())
    return {"decision": "paid", "deductible": yuan(deductible),
            "paid": {layer: yuan(paid[layer]) for layer in LAYERS}, "fund": yuan(fund),
            "person": yuan(fen(case["fees"]["total"]) - fund), "used": {name: yuan(used[name]) for name in TOTALS}}


def nothing(decision, case, used):
    """B-11: all fields, nothing paid, nothing used."""
    return {**paid_answer(case, used, 0, dict.fromkeys(LAYERS, 0)), "decision": decision}


# ---- fields that contradict each other

def check_together(case):
    visit, facility, faults = case["visit"], case["facility"], []
    kind, filing, point = visit["type"], visit.get("filing", "none"), visit.get("point", "none")
    referral, referred_on = visit.get("referral"), visit.get("referred_on")
    extras = [n for n in ("childbirth", "family_bed") if visit.get(n)] + (["referral"] if referral else [])

    def invalid(*fields):
        faults.extend(("INVALID_FIELD", f) for f in fields)

    if (visit.get("area", "city") == "city") != (filing == "none"):
        invalid("visit.filing")  # B-04
    if kind != "inpatient":
        for name in extras:
            invalid("visit." + name)  # B-08, B-14
    if kind == "inpatient" and point != "none":
        invalid("visit.point")  # B-14
    if visit.get("family_bed") and not facility["designated"]:
        invalid("visit.family_bed", "facility.designated")  # B-07
    if referral and filing == "unfiled":
        invalid("visit.referral", "visit.filing")  # B-07; one filed late is filed
    if referred_on and (point != "other" or days.day(referred_on) > days.day(visit["to"])):
        invalid("visit.referred_on")  # B-07
    if point != "none" and (facility.get("primary", False) != (point == "primary") or not facility["designated"]):
        invalid("visit.point", "facility.primary", "facility.designated")  # B-08
    if fen(case["fees"]["in_scope"]) > fen(case["fees"]["total"]):
        faults.append(("OUT_OF_RANGE", "fees.in_scope"))  # B-02
        faults.append(("OUT_OF_RANGE", "fees.total"))
    if days.day(visit["from"]) > days.day(visit["to"]):
        faults.append(("OUT_OF_RANGE", "visit.from"))  # B-02
        faults.append(("OUT_OF_RANGE", "visit.to"))
    refuse(faults)


# ---- the facts of a bill

class Bill:
    def __init__(self, case):
        person, visit, facility = case["person"], case["visit"], case["facility"]
        self.identity, self.groups = person["identity"], set(person.get("groups", []))
        self.both_tiers = self.identity != "resident"  # JM-E-15 to JM-E-17
        self.retiree = self.identity == "retiree"
        months = person.get("months", {})
        self.n1, self.n2 = months.get("tier1", 0), months.get("tier2", 0)
        self.level = facility["level"]
        # JM-R-03, JM-R-04, B-05: resettled retirees and posted staff are paid as in the city.
        filing = visit.get("filing", "none")
        as_in_city = (self.identity, filing) in (("retiree", "resettled"), ("employee", "posted"))
        self.designated = facility["designated"] or as_in_city
        self.unfiled = filing in ("unfiled", "late")  # JM-R-05, JM-R-06
        self.five_guarantee = "five_guarantee" in self.groups and not self.both_tiers  # JM-B-23
        self.childbirth, self.family_bed = visit.get("childbirth", False), visit.get("family_bed", False)
        referral = visit.get("referral")
        self.borne = fen(referral["deductible_borne"]) if referral else 0
        self.total, self.in_scope = fen(case["fees"]["total"]), fen(case["fees"]["in_scope"])


# ---- inpatient

def inpatient(case, used, values, threshold):
    """Gives D and what each layer pays, and moves `used` on."""
    bill = Bill(case)
    deductible = min(deductible_standard(bill), bill.in_scope)
    x = bill.in_scope - deductible
    p1, left = tier1(bill, x, used, values)
    if values.option("layer_order") == "tier2_first":  # AMB-01
        p2, left = tier2(bill, left, used, values)
        p3 = catastrophic(bill, left, used, threshold)
    else:
        p3 = catastrophic(bill, left, used, threshold)
        p2, _ = tier2(bill, left - p3, used, values)
    used["tier1_paid"] += p1
    used["tier2_paid"] += p2
    used["catastrophic_paid"] += p3
    return deductible, {"tier1": p1, "tier2": p2, "catastrophic": p3}


def deductible_standard(bill):
    standard = {"1": 500_00, "2": 600_00, "3": 900_00}[bill.level]  # JM-B-09, JM-B-10, JM-B-11
    if not bill.designated:
        standard = 1500_00  # JM-B-12
    if bill.retiree:
        standard -= 100_00  # JM-B-19
    if bill.five_guarantee:
        standard = 0  # JM-B-21
    if bill.family_bed:
        standard = 0  # JM-B-13
    return max(0, standard - bill.borne)  # JM-R-01, AMB-16


def scale(n):
    """JM-G-01 to JM-G-09: the part of a cap that n continuous months open."""
    return 50 * POINT if n <= 12 else 70 * POINT if n <= 24 else ONE


def halved(bill, rate):
    """JM-R-05: half of every ratio of tiers 1 and 2, for bills out of the city without filing in time."""
    return rate // 2 if bill.unfiled else rate


def tier1_rate(bill):
    """The ratio before it is halved."""
    rate = {"1": 85, "2": 80, "3": 55}[bill.level] * POINT  # JM-B-05, JM-B-06, JM-B-07
    if not bill.designated:
        rate = 40 * POINT  # JM-B-08
    if bill.retiree:
        rate += 5 * POINT  # JM-B-20
    if bill.five_guarantee and bill.level == "1" and bill.designated:
        rate += 10 * POINT  # JM-B-22
    return rate


def tier1(bill, x, used, values):
    """P1, and what later layers look at."""
    floor = 0
    if bill.childbirth and bill.in_scope > 0:  # B-12
        floor = min(500_00, bill.total)  # JM-B-25, B-03
    room = max(0, share(200_000_00, scale(bill.n1)) - used["tier1_paid"])  # JM-B-16, JM-G-01 to JM-G-07, AMB-13

    def pays(rate):
        return min(max(share(x, rate), floor), room)

    p1 = pays(halved(bill, tier1_rate(bill)))
    seen = p1
    if bill.unfiled and values.option("unfiled_residual_counts") == "false":
        seen = pays(tier1_rate(bill))  # AMB-17, B-06: as if it had been filed
    return p1, max(0, x - seen)


def bands(before, more, lines):
    """Products of the parts of (before, before + more] with the rates of `lines`: [(above, rate), …], the first rate is
    for what lies above the first line. One rounding for the sum (AMB-02)."""
    products = 0
    for i, (above, rate) in enumerate(lines):
        to = lines[i + 1][0] if i + 1 < len(lines) else before + more
        inside = max(0, min(to, before + more) - max(above, before))
        products += inside * rate
    return half_up(products, ONE)


def tier2(bill, s1, used, values):
    """P2 on S1, the in-scope self-pay that tier 1 leaves; and S2."""
    if not bill.both_tiers:
        return 0, s1
    less = 0 if bill.designated else 10 * POINT  # JM-B-65
    rates = [50 * POINT - less, 85 * POINT - less, 90 * POINT - less]  # JM-B-62, JM-B-63, JM-B-64
    lines = [0, 5_000_00, 200_000_00]
    room = max(0, share(200_000_00, scale(bill.n2)) - used["tier2_paid"])  # JM-B-66, JM-G-06, JM-G-07
    before = used["tier2_base"]
    used["tier2_base"] += s1  # JM-B-61

    def pays(of_rates):
        return min(bands(before, s1, list(zip(lines, of_rates))), room)

    p2 = pays([halved(bill, r) for r in rates])
    seen = p2
    if bill.unfiled and values.option("unfiled_residual_counts") == "false":
        seen = pays(rates)  # B-06
    return p2, s1 - seen


def catastrophic(bill, s2, used, threshold):
    """P3 on what is left, by the most favourable of the person's groups (B-01)."""
    if "extreme_hardship" in bill.groups:
        line, rates = share(threshold, 20 * POINT), [80, 90]  # JM-B-49, JM-B-50
    elif bill.groups & {"registered_poor", "minimum_living"}:
        line, rates = share(threshold, 30 * POINT), [70, 80]  # JM-B-47, JM-B-48
    else:
        line, rates = threshold, [60, 70]  # JM-B-45, JM-B-46
    less = 0 if bill.designated else 10  # JM-B-53
    lines = [(line, (rates[0] - less) * POINT), (max(line, 120_000_00), (rates[1] - less) * POINT)]
    pays = bands(used["catastrophic_base"], s2, lines)
    used["catastrophic_base"] += s2  # JM-B-44
    if bill.groups & UNCAPPED:
        return pays  # JM-B-52, AMB-11
    room = share(240_000_00, scale(bill.n1)) - used["catastrophic_paid"]  # JM-B-51, JM-G-02, JM-G-04, JM-G-09
    return min(pays, max(0, room))


# ---- outpatient

def outpatient(case, used):
    visit, both_tiers = case["visit"], case["person"]["identity"] != "resident"
    fee, point = fen(case["fees"]["in_scope"]), visit.get("point", "none")
    in_city = visit.get("area", "city") == "city"  # B-08: outside the city nothing is paid
    k = case["person"].get("cover_months", 0)
    p1 = p2 = 0
    if in_city and point == "primary":  # JM-B-33
        whole = share(fee, 70 * POINT)  # JM-B-30, AMB-19
        p1 = min(whole, max(0, 180_00 - used["outpatient_tier1_paid"]))  # JM-B-31, JM-B-77
        used["outpatient_tier1_paid"] += p1
        if both_tiers:
            p2 = min(whole - p1, max(0, 35_00 * k - used["outpatient_primary_paid"]))  # JM-B-73, JM-B-76, JM-B-79
            used["outpatient_primary_paid"] += p2
    elif in_city and point == "other" and both_tiers:  # JM-B-70
        rate = 60 * POINT if referred_in_time(visit) else 50 * POINT  # JM-B-71, JM-B-72
        p2 = min(share(fee, rate), max(0, 40_00 * k - used["outpatient_other_paid"]))  # JM-B-74, JM-B-78
        used["outpatient_other_paid"] += p2
    return {"tier1": p1, "tier2": p2, "catastrophic": 0}


def referred_in_time(visit):
    """Within 30 days: the day of referral is day 0, day 30 counts (AMB-20)."""
    referred_on = visit.get("referred_on")
    return referred_on is not None and (days.day(visit["to"]) - days.day(referred_on)).days <= 30


# ---- second half of 2017

def transitional_payment(x, n1):
    """JM-T-03: a resident at a level-2 institution, July to December 2017."""
    return share(x, (73 if n1 <= 24 else 78) * POINT)
