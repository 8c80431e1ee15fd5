"""A synthetic year of hospitals: what they send, in the order in which it arrives, and what has to come of it.

    year.py --sample DIR --out DIR [--bills N] [--hospitals N] [--seed S] [--year Y]

Reads the people and hospitals that `tongchou sample` wrote to --sample, and writes to --out:

    plan.jsonl         one operation a line: settle or reverse, its request id, the hospital that sends it, which earlier
                       line must have been answered before (`after`), which earlier line must get the very same answer
                       (`same`), which codes are lawful (`expect`), and of a bill whether it stands in the end (`stands`)
    facts.jsonl        of each person with bills: what the benefit depends on, as the sample says it
    payers-yearly.jsonl  who pays the year's fee: not everybody, so that some are not covered

What stands in the end follows from the plan alone, whatever the order in which operations meet. The same options give
the same files.
"""
import argparse
import datetime
import json
import os
import random

DUPLICATES, REVERSALS, CONFLICTS, OTHER_IDS = 0.02, 0.01, 0.005, 0.002  # of the bills
LATE = 0.05             # of the bills come after others of a later day
EARLY_REVERSALS = 0.25  # of the reversals are sent around or before their bill
UNPAID = 0.03           # of the residents who pay a fee
FINANCE_PAYS = {"extreme_hardship", "minimum_living", "registered_poor"}  # they are covered without one (JM-C-03)
# Those who pay by themselves every month may have to wait for cover; what they are owed is coverage.py's business.
IDENTITIES = {"resident", "employee", "retiree", "unemployed"}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--sample", required=True)
    options.add_argument("--out", required=True)
    options.add_argument("--bills", type=int, default=200_000)
    options.add_argument("--hospitals", type=int, default=8)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--year", type=int, default=2018)
    asked = options.parse_args()
    rng = random.Random("year %d" % asked.seed)
    people, hospitals = read_people(asked.sample), read_hospitals(asked.sample)
    unpaid = {p for p, fact in sorted(people.items()) if fact["identity"] == "resident" and rng.random() < UNPAID
              and not FINANCE_PAYS.intersection(fact["groups"])}
    for person in unpaid:
        people[person]["paid"] = False
    write_payers(asked, unpaid)
    plan = Plan(rng, asked, people, hospitals)
    with_bills = plan.write(os.path.join(asked.out, "plan.jsonl"))
    with open(os.path.join(asked.out, "facts.jsonl"), "w", encoding="utf-8") as out:
        for person in sorted(with_bills):
            out.write(line(people[person]))
    print("%d bills of %d persons at %d hospitals, %d operations, seed %d" % (
        asked.bills, len(with_bills), asked.hospitals, len(plan.ops), asked.seed))


def line(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        for text in file:
            yield json.loads(text)


def read_people(folder):
    people = {}
    for entry in lines_of(os.path.join(folder, "demo-population.jsonl")):
        (method, given), = entry.items()
        if method == "open_spell" and given["identity"] in IDENTITIES:
            people[given["person"]] = {"person": given["person"], "identity": given["identity"], "groups": [],
                                       "prior_tier1": given["prior_months_tier1"],
                                       "prior_tier2": given["prior_months_tier2"], "paid": True}
        elif method == "set_group" and given["person"] in people:
            people[given["person"]]["groups"].append(given["group"])
    return people


def read_hospitals(folder):
    found = {}
    for entry in lines_of(os.path.join(folder, "demo-facilities.jsonl")):
        (method, given), = entry.items()
        if method == "register_facility":
            found[given["facility"]] = {"facility": given["facility"], "level": given["level"],
                                        "primary": given["primary"], "designated": False}
        elif method == "sign_agreement":
            found[given["facility"]]["designated"] = True
    return [found[code] for code in sorted(found)]


def write_payers(asked, unpaid):
    with open(os.path.join(asked.out, "payers-yearly.jsonl"), "w", encoding="utf-8") as out:
        for payer in lines_of(os.path.join(asked.sample, "demo-payers-yearly.jsonl")):
            if payer["person"] not in unpaid:
                out.write(line(payer))


def money(fen):
    return "%d.%02d" % divmod(fen, 100)


class Plan:
    """Operations have a place on the axis of arrival, then a line number."""

    def __init__(self, rng, asked, people, hospitals):
        self.rng, self.asked, self.people = rng, asked, people
        self.persons = sorted(people)
        self.primary = [h for h in hospitals if h["primary"] and h["designated"]]
        self.other = [h for h in hospitals if not h["primary"] and h["designated"]]
        self.hospitals = hospitals
        self.ops = []
        first = datetime.date(asked.year, 1, 1)
        length = (datetime.date(asked.year, 12, 31) - first).days
        for i in range(asked.bills):
            self.add_bill(i, first + datetime.timedelta(days=i * (length + 1) // asked.bills))
        self.ops.sort(key=lambda op: op["place"])

    def op(self, kind, place, request_id, body, expect, **more):
        made = {"place": place, "op": kind, "id": request_id, "hospital": self.rng.randrange(self.asked.hospitals),
                "after": None, "same": None, "expect": expect, "body": body, **more}
        self.ops.append(made)
        return made

    # ---- a bill, and what comes of it

    def add_bill(self, i, discharge):
        rng = self.rng
        place = i + (rng.random() * self.asked.bills * 0.2 if rng.random() < LATE else 0)
        body = self.bill("B%07d" % i, discharge)
        settle = self.op("settle", place, "S%07d" % i, body, ["OK"], stands=True)
        if rng.random() < DUPLICATES:
            self.send_again(settle)
        fate = rng.random()
        if fate < REVERSALS:
            self.reverse(settle, i)
        elif fate < REVERSALS + CONFLICTS:
            self.send_other_body(settle)
        elif fate < REVERSALS + CONFLICTS + OTHER_IDS:
            self.op("settle", self.later(place), "X%07d" % i, body, ["EXISTS"], after=settle)

    def later(self, place):
        return place + self.rng.random() * max(1.0, self.asked.bills - place) + 0.001

    def send_again(self, op):
        at_once = self.rng.random() < 0.5
        place = op["place"] + (0.001 + 3 * self.rng.random() if at_once else self.later(0) * 0.2)
        self.op(op["op"], place, op["id"], op["body"], op["expect"], same=op, after=op["after"])

    def reverse(self, settle, i):
        rng = self.rng
        settle["stands"] = False
        body = {"bill": settle["body"]["bill"], "person": settle["body"]["person"], "reason": "entered twice"}
        if rng.random() < EARLY_REVERSALS:
            settle["expect"].append("REVERSED")
            reversal = self.op("reverse", settle["place"] + rng.uniform(-40, 2), "R%07d" % i, body, ["OK"])
        else:
            reversal = self.op("reverse", self.later(settle["place"]), "R%07d" % i, body, ["OK"], after=settle)
        if rng.random() < 0.1:
            self.send_again(reversal)
        if rng.random() < 0.1:
            self.op("reverse", self.later(reversal["place"]), "Y%07d" % i, body, ["EXISTS"], after=reversal)

    def send_other_body(self, settle):
        other = dict(settle["body"], total=money(int(settle["body"]["total"].replace(".", "")) + 1))
        if self.rng.random() < 0.2:  # of somebody else, whose bills another instance may settle
            other["person"] = self.rng.choice(self.persons)
        self.op("settle", self.later(settle["place"]), settle["id"], other, ["CONFLICT"], after=settle)

    # ---- its facts

    def bill(self, number, discharge):
        rng = self.rng
        # Some are often ill: a tenth of the persons have a third of the bills.
        among = len(self.persons) // 10 or 1 if rng.random() < 0.33 else len(self.persons)
        person = self.persons[rng.randrange(among)]
        roll = rng.random()
        total = int(50 * 100 * 2 ** rng.uniform(0, 12 if roll < 0.6 else 5))
        body = {"bill": number, "person": person, "type": "inpatient", "area": "city", "filing": "none",
                "total": money(total), "in_scope": money(total * rng.randrange(800, 1001) // 1000)}
        if roll < 0.6:
            self.stay(body, discharge)
        elif roll < 0.95:
            self.outpatient(body, discharge)
        else:
            self.at(body, "special_outpatient", rng.choice(self.hospitals), discharge, discharge)
        return body

    def at(self, body, kind, hospital, begin, end):
        body.update(type=kind, facility=hospital["facility"], to=str(end))
        body["from"] = str(begin)

    def stay(self, body, discharge):
        rng, identity = self.rng, self.people[body["person"]]["identity"]
        self.at(body, "inpatient", rng.choice(self.hospitals), discharge - datetime.timedelta(days=rng.randrange(15)),
                discharge)
        if rng.random() < 0.06:
            words = ["filed", "filed", "unfiled", "late"] + {"retiree": ["resettled"], "employee": ["posted"]}.get(
                identity, [])
            body.update(area="outside", filing=rng.choice(words))
        elif rng.random() < 0.03:
            body.update(referral=True, deductible_borne="500.00")
        if identity == "resident" and rng.random() < 0.03:
            body["childbirth"] = True

    def outpatient(self, body, day):
        rng = self.rng
        point = rng.choice(["primary", "primary", "other", "none"])
        hospital = rng.choice({"primary": self.primary, "other": self.other, "none": self.hospitals}[point])
        self.at(body, "outpatient", hospital, day, day)
        body["point"] = point
        if point == "other" and rng.random() < 0.5:
            body["referred_on"] = str(day - datetime.timedelta(days=rng.randrange(60)))

    # ---- the file

    def write(self, path):
        number = {id(op): i for i, op in enumerate(self.ops)}
        with_bills = set()
        with open(path, "w", encoding="utf-8") as out:
            for op in self.ops:
                told = {name: value for name, value in op.items() if name != "place" and value is not None}
                for name in ("after", "same"):
                    if name in told:
                        told[name] = number[id(op[name])]
                out.write(line(told))
                with_bills.add(op["body"]["person"])
        return with_bills


if __name__ == "__main__":
    main()
