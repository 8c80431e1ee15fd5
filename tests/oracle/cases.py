"""Random cases and worlds, skewed to the edges. Everything comes from one random.Random, so a seed repeats a run."""
import copy
import datetime

import days
from money import yuan

GROUPS = ["registered_poor", "minimum_living", "extreme_hardship", "five_guarantee", "low_income_family",
          "severely_disabled", "seriously_ill"]
MONTHS = [0, 1, 5, 11, 12, 13, 14, 23, 24, 25, 26, 60, 200]
TOTALS = ["tier1_paid", "tier2_paid", "tier2_base", "catastrophic_paid", "catastrophic_base",
          "outpatient_tier1_paid", "outpatient_primary_paid", "outpatient_other_paid"]
BILL_EDGES = [0, 1, 100_00, 180_00, 400_00, 500_00, 588_24, 600_00, 800_00, 900_00, 1400_00, 1500_00, 5_000_00,
              5_500_00, 120_000_00, 200_000_00, 240_000_00, 364_536_36, 900_000_00]


def near(rng, edges, spread=2):
    return max(0, pick(rng, edges) + rng.randint(-spread, spread))


def sum_of_money(rng, edges=(0,), most=1_000_000_00):
    """In fen: an edge give or take a few fen, or anything from small to large."""
    chance = rng.random()
    if chance < 0.3:
        return near(rng, edges)
    if chance < 0.7:
        return int(10 ** rng.uniform(0, len(str(most)) - 1))
    return rng.randrange(most)


def a_day(rng, first, last):
    """A day of the months from `first` to `last`; often the first or last of its month."""
    month = rng.randint(first, last)
    begin, end = days.first_day(month), days.last_day(month)
    return pick(rng, [begin, end, end, begin + (end - begin) * rng.random()])


def month(year, number):
    return days.month_number(year, number)


def chance(rng, part):
    return rng.random() < part


def pick(rng, among):
    return among[int(rng.random() * len(among))]


# ---- worlds

def dated(rng, first_days, edges, most):
    """A published list: one value for all, or one that changes, or one that begins late or ends."""
    entries = [{"from": d, "value": yuan(max(1, sum_of_money(rng, edges, most)))} for d in first_days]
    how = rng.randrange(5)
    if how == 0:
        return entries[:1]
    if how == 1:
        return entries[1:]
    if how == 2:
        year = int(entries[-1]["from"][:4])
        entries[-1]["to"] = "%d-06-30" % (year + 1)
    return entries


def world_of_jiangmen(rng, turn):
    option = [("tier2_first", "true"), ("tier2_first", "false"), ("catastrophic_first", "true"),
              ("catastrophic_first", "false")][turn % 4]
    parameters = {
        "catastrophic_threshold": dated(rng, ["2018-01-01", "2019-01-01", "2020-07-01"],
                                        [25_000_00, 24_999_97, 120_000_00, 150_000_00, 1], 60_000_00),
        "minimum_base": dated(rng, ["2018-01-01", "2019-01-01", "2020-01-01"], [3_600_00], 9_000_00),
        "resident_disposable_income": [
            {"from": "%d-01-01" % y, "value": yuan(sum_of_money(rng, [24_000_00], 50_000_00))}
            for y in range(2016, 2021)],
    }
    if chance(rng, 0.5):
        parameters["national_resident_fee"] = dated(rng, ["2017-01-01", "2019-01-01"], [200_00, 288_00], 600_00)
    for band, rate in (("young", "0.02"), ("middle", "0.025"), ("senior", "0.030001")):
        if chance(rng, 0.7):
            parameters["account_rate_2016_" + band] = [{"from": "2017-01-01", "value": rate}]
    return {"parameters": parameters, "options": {
        "layer_order": option[0], "unfiled_residual_counts": option[1],
        "flexible_wait": ["first_or_interrupted", "every_entry"][turn % 2]}}


def world_of_zaozhuang(rng, turn):
    wage = dated(rng, ["2020-01-01", "2021-01-01"], [69_135_00], 120_000_00)
    return {"parameters": {"provincial_average_wage": wage},
            "options": {"unit_base": ["sum_of_clamped", "raw_payroll"][turn % 2]}}


def world_of_zhoushan(rng, turn):
    income = [{"from": "%d-01-01" % y, "value": yuan(sum_of_money(rng, [60_848_00], 90_000_00))}
              for y in range(2020, 2024) if chance(rng, 0.8)]
    return {"parameters": {**world_of_points(rng), **({"disposable_income": income} if income else {})},
            "options": {"ratio_reading": ["personal_at_least_half", "government_at_least_twice"][turn % 2]}}


def world(rng, city, turn):
    made = {"jiangmen": world_of_jiangmen, "zaozhuang": world_of_zaozhuang, "zhoushan": world_of_zhoushan}.get(city)
    return made(rng, turn) if made else {}


# ---- benefit

def benefit(rng, given):
    identity = pick(rng, ["employee", "retiree", "unemployed", "flexible", "sole_trader", "resident", "resident"])
    kind = pick(rng, ["inpatient"] * 7 + ["outpatient"] * 2 + ["special_outpatient"])
    to = a_day(rng, month(2018, 1), month(2021, 12))
    if chance(rng, 0.01):
        to = day_of_2017(rng)
    facility = {"level": pick(rng, "123"), "designated": chance(rng, 0.85), "primary": chance(rng, 0.4)}
    outside = chance(rng, 0.3)
    filing = pick(rng, ["filed", "unfiled", "unfiled", "late", "resettled", "posted"]) if outside else "none"
    visit = {"type": kind, "from": str(to - days.ONE_DAY * rng.randrange(40)), "to": str(to),
             "area": "outside" if outside else "city", "filing": filing}
    in_scope = sum_of_money(rng, BILL_EDGES)
    case = {"person": {"identity": identity, "groups": groups(rng), "covered": chance(rng, 0.95),
                       "months": {"tier1": pick(rng, MONTHS), "tier2": pick(rng, MONTHS)},
                       "cover_months": rng.randint(0, 12)},
            "facility": facility, "visit": visit, "used": used(rng)}
    if kind == "inpatient":
        inpatient_extras(rng, facility, visit)
    elif kind == "outpatient":
        outpatient_extras(rng, facility, visit, to)
        in_scope = sum_of_money(rng, [0, 1, 50_00, 257_14, 257_15, 180_00, 500_00], 1_000_00)
    total = in_scope + pick(rng, [0, 0, 1, sum_of_money(rng, [500_00], 10_000_00)])
    case["fees"] = {"total": yuan(total), "in_scope": yuan(in_scope)}
    if chance(rng, 0.02):
        contradict_bill(rng, case)
    return case


def day_of_2017(rng):
    return pick(rng, [datetime.date(2017, 12, 31), a_day(rng, month(2017, 6), month(2017, 12))])


def groups(rng):
    if chance(rng, 0.5):
        return []
    return rng.sample(GROUPS, pick(rng, [1, 1, 2, 3]))


def used(rng):
    if chance(rng, 0.3):
        return {}
    made = {}
    for name in TOTALS:
        if chance(rng, 0.3):
            continue
        if name.startswith("outpatient"):
            edges, most = [0, 180_00, 35_00, 70_00, 420_00, 40_00, 480_00, 600_00], 600_00
        else:
            edges, most = [0, 5_000_00, 25_000_00, 100_000_00, 120_000_00, 140_000_00, 168_000_00, 200_000_00,
                           240_000_00], 300_000_00
        made[name] = yuan(near(rng, edges, 3) if chance(rng, 0.6) else sum_of_money(rng, edges, most))
    return made


def inpatient_extras(rng, facility, visit):
    visit["childbirth"] = chance(rng, 0.15)
    visit["family_bed"] = facility["designated"] and chance(rng, 0.08)
    if visit["filing"] not in ("unfiled", "late") and chance(rng, 0.15):
        visit["referral"] = {"deductible_borne": yuan(near(rng, [0, 400_00, 500_00, 600_00, 900_00, 1500_00], 1))}
    elif chance(rng, 0.3):
        visit["referral"] = None


def outpatient_extras(rng, facility, visit, to):
    visit["point"] = "none"
    if facility["designated"] and chance(rng, 0.9):
        visit["point"] = "primary" if facility["primary"] else "other"
    if visit["point"] == "other" and chance(rng, 0.6):
        visit["referred_on"] = str(to - days.ONE_DAY * pick(rng, [0, 1, 29, 30, 31, rng.randrange(60)]))
    elif chance(rng, 0.1):
        visit["referred_on"] = None


def contradict_bill(rng, case):
    """One fault that no field shows by itself."""
    visit, kind = case["visit"], case["visit"]["type"]
    how = rng.randrange(9)
    if how == 0:
        visit["filing"] = "none" if visit["area"] == "outside" else "filed"
    elif how == 1:
        case["fees"]["total"], case["fees"]["in_scope"] = "99.99", "100.00"
    elif how == 2:
        visit["from"] = str(days.day(visit["to"]) + days.ONE_DAY)
    elif how == 3 and kind == "inpatient":
        visit["point"] = pick(rng, ["primary", "other"])
    elif how == 4 and kind != "inpatient":
        visit[pick(rng, ["childbirth", "family_bed"])] = True
    elif how == 5:
        visit["referred_on"] = str(days.day(visit["to"]) + days.ONE_DAY * pick(rng, [0, 1]))
    elif how == 6 and kind == "inpatient" and visit["filing"] in ("unfiled", "late"):
        visit["referral"] = {"deductible_borne": "500.00"}
    elif how == 7 and kind == "outpatient":
        visit["point"] = pick(rng, ["primary", "other"])
    elif how == 8 and kind == "inpatient":
        case["facility"]["designated"], visit["family_bed"] = False, True


# ---- contribution, account, retirement

def contribution_jiangmen(rng, given):
    if chance(rng, 0.3):
        person = {"identity": "resident", "groups": groups(rng)}
        year = pick(rng, [2016, 2017, 2018, 2019, 2020, 2021, 2022, 2023])
        if "low_income_family" in person["groups"] and chance(rng, 0.95) or chance(rng, 0.1):
            person["birth"] = str(birthday(rng, year, [17, 18, 59, 60]))
        return {"year": year, "person": person}
    base = int(given["parameters"]["minimum_base"][-1]["value"].replace(".", ""))
    wages = [2906_00, 8718_00, base, 3 * base]
    months = [(2017, 1), (2017, 6), (2017, 7), (2017, 12), (2018, 1), (2018, 12), (2019, 1), (2021, 6)]
    return monthly(rng, months, wages,
                   ["employee", "employee", "employee", "retiree", "unemployed", "flexible", "sole_trader"])


def monthly(rng, edges, wages, identities):
    a_month = pick(rng, [month(*pick(rng, edges)), rng.randint(month(*edges[0]), month(*edges[-1]))])
    case = {"month": days.month_text(a_month), "person": {"identity": pick(rng, identities)}}
    if case["person"]["identity"] == "employee":
        case["person"]["wage"] = yuan(sum_of_money(rng, wages, 30_000_00))
        if chance(rng, 0.7):
            case["employer"] = {"kind": pick(rng, ["enterprise", "organ", "distressed"])}
    return case


def birthday(rng, year, ages):
    """Such that an age of `ages` is reached about 1 January of a year."""
    begin = datetime.date(year - pick(rng, ages), 1, 1)
    return begin + days.ONE_DAY * pick(rng, [-1, 0, 1, rng.randint(-400, 400)])


def contribution_zaozhuang(rng, given):
    if chance(rng, 0.03):
        return {"year": rng.randint(2020, 2022), "person": {"identity": "resident"}}
    year = int(given["parameters"]["provincial_average_wage"][-1]["value"].replace(".", ""))
    wage = (year + 6) // 12
    return monthly(rng, [(2019, 11), (2019, 12), (2020, 1), (2020, 12), (2021, 1), (2021, 12), (2022, 7), (2023, 1)],
                   [wage * 6 // 10, 3 * wage, wage],
                   ["employee", "employee", "employee", "retiree", "unemployed", "flexible", "sole_trader"])


def account(rng, given):
    a_month = pick(rng, [month(2016, 12), month(2017, 1), month(2017, 6), month(2017, 7), rng.randint(month(2017, 1),
                                                                                                 month(2021, 12))])
    base = sum_of_money(rng, [3010_00, 3612_00, 4214_00, 4215_00, 2906_00], 20_000_00)
    identities = ["employee"] * 8 + ["unemployed", "flexible", "sole_trader", "resident", "retiree"]
    person = {"identity": pick(rng, identities), "birth": str(birthday_at(rng, a_month)), "base": yuan(base)}
    kind = pick(rng, ["actual", "highest", "none"])
    reference = {"kind": kind}
    if kind != "none":
        reference["amount"] = yuan(sum_of_money(rng, [60_20, 72_24, 84_28, 120_00], 500_00))
    if kind == "actual" or kind == "highest" and chance(rng, 0.6):
        other = sum_of_money(rng, [4_800_00], 20_000_00)
        reference["base"] = yuan(pick(rng, [max(0, base - 1), base, base + 1, other]))
    if kind == "none" and chance(rng, 0.05):
        reference[pick(rng, ["amount", "base"])] = "100.00"
    return {"month": days.month_text(a_month), "person": {**person, "reference": reference}}


def birthday_at(rng, a_month):
    """About 35, 45 or another age on the first of a month, or in December 2016."""
    on = days.first_day(pick(rng, [a_month, month(2016, 12)]))
    age = pick(rng, [35, 36, 45, 46, rng.randint(18, 59)])
    return on.replace(year=on.year - age) + days.ONE_DAY * pick(rng, [-1, 0, 1, rng.randint(-300, 300)])


def retirement_jiangmen(rng, given):
    first = pick(rng, [month(2017, 12), month(2018, 1), rng.randint(month(1990, 1), month(2020, 1))])
    total = near(rng, [0, 119, 120, 212, 240, 300], 1) if chance(rng, 0.7) else rng.randrange(500)
    local = pick(rng, [total, min(total, near(rng, [119, 120], 1)), rng.randint(0, total)])
    if chance(rng, 0.02):
        local = total + 1
    on = a_day(rng, month(2017, 6), month(2022, 6))
    first = min(first, days.month_of(on) + chance(rng, 0.01))
    return {"on": str(on), "person": {"first_tier2": days.month_text(first), "months": total,
                                      "transferred": chance(rng, 0.4), "local_months": local}}


def retirement_zaozhuang(rng, given):
    on = a_day(rng, month(2019, 12), month(2022, 3)) if chance(rng, 0.9) else pick(rng, 
        [datetime.date(2019, 12, 29), datetime.date(2019, 12, 30), datetime.date(2020, 1, 1)])
    actual = near(rng, [0, 114, 119, 120, 180], 1) if chance(rng, 0.6) else rng.randrange(400)
    deemed = max(0, near(rng, [300, 240], 1) - actual) if chance(rng, 0.6) else rng.randrange(300)
    return {"on": str(on), "person": {"sex": pick(rng, ["male", "female"]), "actual_months": actual,
                                      "deemed_months": deemed}}


# ---- coverage

def coverage(rng, given):
    """Spells one after another, with and without gaps, paid in time, late or long after."""
    entries, at, born, marks = [], rng.randint(month(2016, 1), month(2019, 6)), None, []
    if chance(rng, 0.15):
        born, entries, marks = childhood(rng)
    else:
        for _ in range(rng.randint(0, 5)):
            at += pick(rng, [0, 0, 0, 0, 1, 2, 3, 4, 5, rng.randrange(14)])
            at = spell(rng, entries, at, marks)
    case = {"as_of": str(a_day_near(rng, marks)), "contributions": entries}
    if born or chance(rng, 0.2):
        case["born"] = str(born) if born else None
    if chance(rng, 0.3):
        case["known_on"] = str(a_day_near(rng, marks))
    return case


def a_day_near(rng, marks):
    about = pick(rng, marks) if marks else month(2019, 1)
    return max(a_day(rng, about - 6, about + 7), datetime.date(2018, 1, 1) if chance(rng, 0.99) else datetime.date.min)


def childhood(rng):
    born = a_day(rng, month(2018, 1), month(2020, 12))
    entries = []
    for year in sorted(rng.sample(range(born.year, born.year + 3), rng.randint(1, 3))):
        paid = born + days.ONE_DAY * pick(rng, [0, 1, rng.randrange(130), rng.randrange(600)])
        edge = pick(rng, [days.last_day(days.month_of(born) + 3), days.first_day(days.month_of(born) + 4), paid])
        on_time = year > born.year and chance(rng, 0.5)
        entries.append({"identity": "resident", "year": year, "paid": "on_time" if on_time else str(edge)})
    return born, entries, [days.month_of(born), days.month_of(born) + 4]


def spell(rng, entries, at, marks):
    """Adds contributions from the month `at` on; gives the month after them."""
    identity = pick(rng, ["employee"] * 4 + ["flexible"] * 3 + ["sole_trader", "unemployed", "unemployed", "resident",
                                                               "resident"])
    if identity == "resident":
        year = at // 12 + (at % 12 > 0 and chance(rng, 0.7))
        january = month(year, 1)
        paid = "on_time" if chance(rng, 0.6) else str(a_day(rng, january - 3, january + 13))
        entries.append({"identity": identity, "year": year, "paid": paid})
        marks.extend([january, january + 12])
        return january + 12
    length = pick(rng, [1, 1, 2, 3, 4, 5, 6, 12, 13, rng.randint(1, 40)])
    entry = {"identity": identity, "months": [days.month_text(at), days.month_text(at + length - 1)]}
    late = chance(rng, 0.4)
    entry["paid"] = "on_time"
    if late:
        entry["paid"] = str(a_day(rng, at + length - pick(rng, [1, 1, 2, 4]), at + length + pick(rng, [0, 1, 3, 4, 7])))
    before = entries[-1] if entries else {}
    goes_on = before.get("identity") == "unemployed" and before["months"][1] == days.month_text(at - 1)
    if identity == "unemployed" and not goes_on and chance(rng, 0.5):  # one application a spell
        entry["applied_on"] = str(a_day(rng, at - pick(rng, [0, 1, 2]), at))
    entries.append(entry)
    marks.extend([at, at + length, at + length + 4])
    if identity != "unemployed" and chance(rng, 0.05):  # paid again, by somebody else
        entries.append({**entry, "paid": str(a_day(rng, at, at + length + 5))})
    if late and chance(rng, 0.3) and length > 1:  # paid back in two parts
        cut = at + rng.randrange(1, length)
        entries[-1] = {**entry, "months": [days.month_text(at), days.month_text(cut - 1)]}
        entries.append({"identity": identity, "months": [days.month_text(cut), days.month_text(at + length - 1)],
                        "paid": str(a_day(rng, at + length, at + length + 6))})
    return at + length


# ---- the fund

def deficit(rng, given):
    whole = sum_of_money(rng, [0, 1, 3, 10, 1_000_000_01], 10**12)
    case = {"deficit": yuan(whole),
            "contributed": yuan(pick(rng, [0, whole, whole // 3, sum_of_money(rng, [0], 10**12)])),
            "enjoyed": yuan(pick(rng, [0, whole // 4, sum_of_money(rng, [0], 10**12)]))}
    if chance(rng, 0.9):
        own = max(0, money_of(case["contributed"]) - money_of(case["enjoyed"]))
        net = whole - min(whole, own)
        least = -(-net * 3 // 10)
        case["paid"], left = {}, net
        for year in ("2021", "2022", "2023"):
            if chance(rng, 0.6):
                part = pick(rng, [least, least - 1, least + 1, left, left - 1, 0, rng.randint(0, left)])
                part = max(0, min(part, left + chance(rng, 0.02)))
                case["paid"][year], left = yuan(part), max(0, left - part)
        if chance(rng, 0.02):
            case["paid"][pick(rng, ["2020", "2024"])] = "1.00"
    return case


def money_of(text):
    return int(text.replace(".", ""))


def interest(rng, given):
    first = a_day(rng, month(2021, 1), month(2021, 9))
    last = first + days.ONE_DAY * pick(rng, [0, 1, 91, rng.randrange(120)])
    same = sum_of_money(rng, [0, 1, 100], 10**12)
    ledgers = []
    for i in range(rng.randint(1, 6)):
        dates = sorted({first} | {first + days.ONE_DAY * rng.randint(0, (last - first).days)
                                  for _ in range(pick(rng, [0, 0, 1, 2, 5]))})
        if chance(rng, 0.01):
            dates = pick(rng, [[], dates[1:], dates[::-1], dates + [last + days.ONE_DAY], dates + dates[-1:]])
        alike = chance(rng, 0.3)
        ledgers.append({"name": "LEDGER_%d" % (i if chance(rng, 0.995) else 0), "balances": [
            [str(d), yuan(same if alike else sum_of_money(rng, [0, 1, same], 10**12))] for d in dates]})
    case = {"from": str(first), "to": str(last), "amount": yuan(sum_of_money(rng, [0, 1, 2, 5], 10**10)),
            "ledgers": ledgers}
    if chance(rng, 0.01):
        case["to"] = str(first - days.ONE_DAY)
    return case


def surplus(rng, given):
    whole = sum_of_money(rng, [0, 1, 2, 3], 10**12)
    case = {"surplus": yuan(whole)}
    how = rng.randrange(3)
    if how == 0:
        case["provisional"] = None
    elif how == 1:
        case["provisional"] = yuan(pick(rng, [whole, 2 * whole, 2 * whole + 1, max(0, 2 * whole - 1),
                                               rng.randint(0, 2 * whole), sum_of_money(rng, [0, 1], 10**12)]))
    return case


def funding(rng, given):
    personal = sum_of_money(rng, [0, 507_06, 507_07], 2_000_00)
    government = pick(rng, [2 * personal, 2 * personal + 1, max(0, 2 * personal - 1), sum_of_money(rng, [0], 3_000_00)])
    year = rng.randint(2020, 2025)
    for entry in given.get("parameters", {}).get("disposable_income", []):
        if entry["from"].startswith(str(year - 1)) and chance(rng, 0.6):  # about the floor
            floor = -(-money_of(entry["value"]) * 25 // 1000)
            government = max(0, floor - personal + pick(rng, [-1, 0, 1]))
    return {"year": year, "personal": yuan(personal), "government": yuan(government)}


def gap(rng, given):
    revenue = sum_of_money(rng, [0], 10**12)
    lacking = sum_of_money(rng, [0, 1], 10**11)
    expense = pick(rng, [revenue, revenue + 1, max(0, revenue - 1), revenue + lacking])
    accumulated = pick(rng, [0, lacking, lacking + 1, max(0, lacking - 1), sum_of_money(rng, [0], 10**11)])
    return {"revenue": yuan(revenue), "expense": yuan(expense), "accumulated": yuan(accumulated)}


def routing(rng, given):
    kind = pick(rng, ["hospital", "hospital", "hospital", "clinic", "pharmacy"])
    division = pick(rng, ["320902", "320903", "320904", "320921", "320922", "320923", "320924", "320925", "320981"])
    if chance(rng, 0.02):
        division = pick(rng, ["320901", "320900", "370402", "", "city"])
    facility = {"code": pick(rng, ["H32090300003", "H32090200011", "P%d" % rng.randrange(10**6)]), "kind": kind,
                "division": division}
    if kind == "hospital" and chance(rng, 0.99):
        facility["level"] = pick(rng, ["1", "2", "3", "3"])
    return {"facility": facility}


def calendar(rng, given):
    return {"year": pick(rng, [2018, 2019, 2020, 2021, 2022, 2023, 2024, 2025, 2026, 2027, 2035])}


def random_calendar(rng, a_year):
    """A year's notice: blocks of holidays, and weekends on which people work."""
    first = datetime.date(a_year, 1, 1)
    holidays = {first}
    for _ in range(rng.randint(0, 9)):
        start = rng.randrange(365)
        if chance(rng, 0.6):  # about the ends of months, the 5th and the 25th
            start = (datetime.date(a_year, rng.randint(1, 12), pick(rng, [1, 3, 20, 24, 28])) - first).days
        holidays |= {first + days.ONE_DAY * d for d in range(start, min(365, start + rng.randint(1, 11)))}
    weekends = [first + days.ONE_DAY * d for d in range(365) if (first + days.ONE_DAY * d).weekday() > 4]
    workdays = set(rng.sample([d for d in weekends if d not in holidays], rng.randint(1, 12)))
    text = 'year: %d\nsource: "made up for tests"\nholidays:\n' % a_year
    return text + "".join("  - %s\n" % d for d in sorted(holidays)) + "workdays:\n" + "".join(
        "  - %s\n" % d for d in sorted(workdays))


# ---- points

def world_of_points(rng):
    """Some of the method's numbers replaced."""
    choices = {"drg_overrun_borne": ["0.5", "0", "1"], "drg_surplus_kept": ["0.123456", "1", "0"],
               "drg_month_share": ["0.9", "1"], "drg_low_ratio": ["0.5", "0.333333"], "drg_high_ratio1": ["2.75"],
               "drg_high_ratio2": ["2.2"], "drg_high_ratio3": ["1.8"], "drg_stable_cases": ["3"]}
    return {name: [{"from": "2021-01-01", "value": pick(rng, texts)}] for name, texts in choices.items()
            if chance(rng, 0.3)}


def points(rng, given):
    groups = [{"code": "G%d" % i, "mean": yuan(max(100, sum_of_money(rng, [5_000_00, 9_600_00, 24_000_00], 60_000_00))),
               "cases": pick(rng, [1, 3, 4, 5, 6, 30]), "variation": pick(rng, ["0", "0.4", "1", "1.000001", "0.99"])}
              for i in range(rng.randint(1, 5))]
    hospitals = [{"code": "H%d" % i, "quality": pick(rng, ["1", "0.98", "0.987654", "1.02"]),
                  "paid": yuan(sum_of_money(rng, [0], 10_000_00))} for i in range(rng.randint(1, 4))]
    coefficients = [{"hospital": h["code"], "group": g["code"], "value": "%.2f" % rng.uniform(0.5, 1.5)}
                    for h in hospitals for g in groups if chance(rng, 0.7)]
    case = {"groups": groups, "hospitals": hospitals, "coefficients": coefficients,
            "cases": [a_case(rng, groups, hospitals) for _ in range(rng.randint(1, 12))]}
    if chance(rng, 0.5):
        case["year"] = rng.randint(2021, 2023) if chance(rng, 0.99) else 2020
    else:
        case["month"] = days.month_text(rng.randint(month(2021, 1), month(2023, 12)))
    if chance(rng, 0.2):
        case["average"] = yuan(max(100, sum_of_money(rng, [10_180_00], 60_000_00)))
    by_item = sum(money_of(c["cost"]) - money_of(c["patient"]) for c in case["cases"])
    case["budget"] = yuan(pick(rng, [by_item, by_item + 1, max(0, by_item - 1), by_item * 2, by_item // 2,
                                     sum_of_money(rng, [0], 10_000_000_00)]))
    return case


def a_case(rng, groups, hospitals):
    group = pick(rng, groups)
    mean = money_of(group["mean"])
    cost = near(rng, [mean * 4 // 10, mean * 2, mean * 5 // 2, mean * 3, mean], 1)
    if chance(rng, 0.5):
        cost = sum_of_money(rng, [0, 1], 4 * mean + 10)
    made = {"hospital": pick(rng, hospitals)["code"], "group": group["code"], "cost": yuan(cost),
            "patient": yuan(int(cost * rng.random() * 0.5))}
    mode = pick(rng, ["drg"] * 7 + ["bed_day", "item"])
    if mode != "drg" or chance(rng, 0.3):
        made["mode"] = mode
    if mode == "bed_day":
        made["days"], made["daily"] = rng.randrange(90), yuan(sum_of_money(rng, [300_00], 1_000_00))
    if chance(rng, 0.1):
        made["group"] = None
    for name, part in (("reviewed", 0.5), ("denied", 0.1)):
        if chance(rng, part):
            made[name] = chance(rng, 0.8)
    if chance(rng, 0.1):
        made["penalty"] = pick(rng, ["0", "0.0001", "1.5", "20"])
    return made


MAKERS = {
    ("benefit", "jiangmen"): benefit,
    ("contribution", "jiangmen"): contribution_jiangmen,
    ("contribution", "zaozhuang"): contribution_zaozhuang,
    ("account", "jiangmen"): account,
    ("retirement", "jiangmen"): retirement_jiangmen,
    ("retirement", "zaozhuang"): retirement_zaozhuang,
    ("coverage", "jiangmen"): coverage,
    ("calendar", "zaozhuang"): calendar,
    ("deficit", "sanmenxia"): deficit,
    ("interest", "sanmenxia"): interest,
    ("surplus", "yancheng"): surplus,
    ("surplus", "zaozhuang"): surplus,
    ("funding", "zhoushan"): funding,
    ("gap", "yancheng"): gap,
    ("routing", "yancheng"): routing,
    ("points", "zhoushan"): points,
}

# ---- one fault in a good case

WRONG = [None, 5, -1, 1.5, True, "", "x", "1", "1.5", "1.234", "-1.00", "+1.00", "1,000.00", "2018-02-30", "2018-13",
         "2018-2-1", "18-02-01", [], {}, ["x"], [None], {"x": 1}, "1.00", "2018-03-01"]


def spoil(rng, case):
    """Makes one or two faults in a case, which may or may not make it wrong."""
    for _ in range(1 if chance(rng, 0.8) else 2):
        change(rng, case)


def change(rng, case):
    places = list(objects(case))
    node = pick(rng, places)
    how = rng.random()
    if how < 0.2:
        node[pick(rng, ["x", "amount2", "Identity", "id2"])] = wrong(rng)
    elif node:
        name = pick(rng, list(node))
        if how < 0.45:
            del node[name]
        else:
            node[name] = wrong(rng)


def wrong(rng):
    return copy.deepcopy(pick(rng, WRONG))


def objects(node):
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from objects(value)


# Lines that are no case: E-02.
BROKEN = ["{", "[]", "null", "1", '"a"', "{}}", '{"id":"a","id":"b"}', '{"id":"a","x":{"y":1,"y":1}}', "{'id':'a'}",
          '{"id":"a",}', "nonsense"]
