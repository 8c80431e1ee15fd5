"""Rules of the fund's money: deficit and interest (Sanmenxia), surplus (Yancheng, Zaozhuang), funding (Zhoushan),
gap (Yancheng), and the routing of facilities (Yancheng)."""
import days
from form import ID, Field, Refusal, amount, balances, check, date, part, refuse, text, word, year
from money import fen, share_up, yuan

POINT = 10_000

# ---- deficit

DEFICIT = {**ID, "deficit": Field(amount), "contributed": Field(amount), "enjoyed": Field(amount),
           "paid": Field(amount, required=False, any_name=True)}


def deficit(case, values):
    """SM-F27 to SM-F35"""
    check(case, DEFICIT)
    paid = {y: fen(a) for y, a in case.get("paid", {}).items()}
    if any(not (len(y) == 4 and y.isascii() and y.isdigit()) for y in paid):
        raise Refusal("INVALID_FIELD")  # no year
    for y in paid:
        if y not in ("2021", "2022", "2023"):
            raise Refusal("OUT_OF_RANGE", "paid", "paid." + y)  # F-01
    whole = fen(case["deficit"])
    own = max(0, fen(case["contributed"]) - fen(case["enjoyed"]))  # SM-F28
    offset = min(whole, own)  # SM-F27
    net = whole - offset
    least = share_up(net, 30 * POINT)  # SM-F33, SM-F34
    p21, p22, p23 = (paid.get(y, 0) for y in ("2021", "2022", "2023"))
    if p21 + p22 + p23 > net:
        refuse([("OUT_OF_RANGE", f) for f in ("paid", "paid.2021", "paid.2022", "paid.2023", "deficit")])  # F-01
    minimum = {"2021": min(least, net), "2022": min(least, net - p21)}  # SM-A1 to SM-A3
    short = {"2021": max(0, minimum["2021"] - p21), "2022": max(0, minimum["2022"] - p22),
             "2023": net - p21 - p22 - p23}  # SM-F35, F-01
    return {"offset": yuan(offset), "net": yuan(net), "minimum": {y: yuan(a) for y, a in minimum.items()},
            "shortfall": {y: yuan(short[y]) for y in paid}, "outstanding": yuan(net - p21 - p22 - p23),
            "due": "2023-12-31" if net else None}


# ---- interest

INTEREST = {**ID, "from": Field(date), "to": Field(date), "amount": Field(amount),
            "ledgers": Field(is_list=True, members={"name": Field(text), "balances": Field(balances)})}


def interest(case, values):
    """SM-F05, SM-A7: by products of balance and days; the largest remainders get the fen that are left over."""
    check(case, INTEREST)
    first, last = days.day(case["from"]), days.day(case["to"])
    names = [ledger["name"] for ledger in case["ledgers"]]
    if len(set(names)) < len(names):
        raise Refusal("INVALID_FIELD")  # F-02: equal names
    products = [product(ledger["balances"], first, last) for ledger in case["ledgers"]]
    if first > last or sum(products) == 0:
        raise Refusal("OUT_OF_RANGE")
    whole = fen(case["amount"])
    parts = [whole * p // sum(products) for p in products]
    remainders = [whole * p % sum(products) for p in products]
    by_remainder = sorted(range(len(names)), key=lambda i: (-remainders[i], i))  # ties to the earlier ledger
    for i in by_remainder[:whole - sum(parts)]:
        parts[i] += 1
    return {"interest": {name: yuan(part) for name, part in zip(names, parts)}}


def product(pairs, first, last):
    """Σ of the balance of every day, the last one included."""
    dates = [days.day(d) for d, _ in pairs]
    if not pairs or dates[0] != first or dates[-1] > last or any(a >= b for a, b in zip(dates, dates[1:])):
        raise Refusal("OUT_OF_RANGE")  # F-02
    ends = dates[1:] + [last + days.ONE_DAY]
    return sum(fen(a) * (end - start).days for (_, a), start, end in zip(pairs, dates, ends))


# ---- surplus

SURPLUS = {**ID, "surplus": Field(amount), "provisional": Field(amount, required=False, null=True)}


def surplus(city, case, values):
    check(case, SURPLUS)
    audited, provisional = fen(case["surplus"]), case.get("provisional")
    if city == "zaozhuang":
        if provisional is not None:
            raise Refusal("INVALID_FIELD", "provisional")  # F-03
        return {"instalments": [{"due": "2020-03-31", "amount": yuan(audited)}]}  # ZZ-F32
    basis = audited if provisional is None else fen(provisional)
    if basis > 2 * audited:
        raise Refusal("OUT_OF_RANGE", "provisional")  # F-03
    first = (basis + 1) // 2  # YC-F13, YC-A2
    return {"instalments": [{"due": "2019-12-31", "amount": yuan(first)},
                            {"due": "2020-12-31", "amount": yuan(audited - first)}]}  # YC-F14


# ---- funding

FUNDING = {**ID, "year": Field(year), "personal": Field(amount), "government": Field(amount)}


def funding(case, values):
    """ZS-C07, ZS-C08"""
    check(case, FUNDING)
    if case["year"] < 2021:
        raise Refusal("NOT_IN_FORCE")  # F-07
    personal, government = fen(case["personal"]), fen(case["government"])
    floor = share_up(values.of_year("disposable_income", case["year"] - 1), 25 * POINT // 10)
    if values.option("ratio_reading") == "personal_at_least_half":  # ZS-A2
        ratio = 2 * personal >= government
    else:
        ratio = government >= 2 * personal
    return {"floor": yuan(floor), "total": yuan(personal + government),
            "meets_floor": personal + government >= floor, "meets_ratio": ratio}


# ---- gap

GAP = {**ID, "revenue": Field(amount), "expense": Field(amount), "accumulated": Field(amount)}


def gap(case, values):
    """YC-F20 to YC-F22"""
    check(case, GAP)
    lacking = max(0, fen(case["expense"]) - fen(case["revenue"]))
    used = min(lacking, fen(case["accumulated"]))
    residual = lacking - used
    return {"deficit": yuan(lacking), "from_accumulated": yuan(used), "residual": yuan(residual),
            "action": "policy_adjustment" if residual else "none"}  # F-05


# ---- routing

URBAN = ["320902", "320903"]
COUNTIES = ["320904", "320921", "320922", "320923", "320924", "320925", "320981"]
EXCEPTIONS = {"H32090300003": "320903"}  # YC-D18
ROUTING = {**ID, "facility": Field(members={
    "code": Field(text), "kind": Field(word("hospital", "clinic", "pharmacy")),
    "level": Field(word("1", "2", "3"), required=False), "division": Field(word(*URBAN, *COUNTIES))})}


def lacks_level(facility):
    return facility.get("kind") == "hospital" and "level" not in facility  # F-06


def routing(case, values):
    """YC-D12 to YC-D20"""
    check(case, ROUTING, lambda c: ["facility.level"] if lacks_level(part(c, "facility")) else [])
    facility = case["facility"]
    urban_tertiary = facility["kind"] == "hospital" and facility["level"] == "3" and facility["division"] in URBAN
    accepted = "city" if urban_tertiary else facility["division"]  # YC-D12, YC-D13
    signed = EXCEPTIONS.get(facility["code"], accepted)  # YC-D16, YC-D18, YC-D19
    return {"accepted_by": accepted, "signed_by": signed, "supervised_by": signed, "settled_by": signed,  # YC-A5
            "filed_with": "city"}  # YC-D14
