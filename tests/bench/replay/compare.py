"""Holds what a replay left behind against the second engine (tests/oracle): every bill that stands, to the fen.

    compare.py --year DIR --sample DIR --standing FILE.jsonl [--shown N]

The second engine walks each person's bills once, in lawful order (discharge, admission, number), over those that stand
by the plan; nothing that the system said goes into it. Prints how many bills were compared and how many differ; exit
status 1 when any does, also a bill too many or too few.
"""
import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "oracle"))
sys.path.insert(0, HERE)
import benefit  # noqa: E402
from money import fen  # noqa: E402
from values import Values  # noqa: E402
from year import lines_of, read_hospitals  # noqa: E402

# What config/samples/jiangmen-illustrative.yaml lays over the city.
GIVEN = {"parameters": {"catastrophic_threshold": [{"from": "2018-01-01", "value": "25000.00"}]}}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--year", required=True)
    options.add_argument("--sample", required=True)
    options.add_argument("--standing", required=True)
    options.add_argument("--shown", type=int, default=5)
    asked = options.parse_args()
    got = {row["bill"]: row for row in lines_of(asked.standing)}
    differences = compared = fund = 0
    for bill, expected in walk(asked):
        row = got.pop(bill, None)
        compared += 1
        fund += fen(expected["fund"])
        if row is None or unlike(expected, row):
            differences += 1
            if differences <= asked.shown:
                print("%s\n  expected %s\n  got      %s" % (bill, json.dumps(expected), json.dumps(row)))
    for bill in sorted(got)[:asked.shown]:
        print("%s stands and should not: %s" % (bill, json.dumps(got[bill])))
    differences += len(got)
    print("%d bills compared with the second engine, fund %d.%02d, %d differences" % (compared, *divmod(fund, 100),
                                                                                   differences))
    return 1 if differences else 0


def unlike(expected, row):
    names = {"decision": "decision", "fund": "fund", "person": "own", "deductible": "deductible"}
    return (any(expected[ours] != row[theirs] for ours, theirs in names.items())
            or expected["paid"] != row["paid"] or listed(expected["used"]) != row["used"])


def walk(asked):
    """(bill, what the second engine says) of all that stand."""
    facts = {fact["person"]: fact for fact in lines_of(os.path.join(asked.year, "facts.jsonl"))}
    hospitals = {h["facility"]: h for h in read_hospitals(asked.sample)}
    values = Values("jiangmen", GIVEN)
    chains = {}
    for op in lines_of(os.path.join(asked.year, "plan.jsonl")):
        if op.get("stands"):
            chains.setdefault(op["body"]["person"], []).append(op["body"])
    for person in sorted(chains):
        used = {}
        for body in sorted(chains[person], key=lambda b: (b["to"], b["from"], b["bill"])):
            expected = benefit.answer(case_of(body, facts[person], hospitals[body["facility"]], used), values)
            used = expected["used"]
            yield body["bill"], expected


def listed(used):
    """A decision lists the running totals that are not zero."""
    return {name: amount for name, amount in used.items() if amount != "0.00"}


def case_of(body, fact, hospital, used):
    month = int(body["to"][5:7])
    visit = {name: body[name] for name in ("type", "from", "to", "area", "filing", "childbirth", "point",
                                           "referred_on") if name in body}
    if body.get("referral"):
        visit["referral"] = {"deductible_borne": body["deductible_borne"]}
    return {"id": body["bill"], "person": {"identity": fact["identity"], "groups": fact["groups"], **cover(fact, month)},
            "facility": {name: hospital[name] for name in ("level", "designated", "primary")},
            "visit": visit, "fees": {"total": body["total"], "in_scope": body["in_scope"]}, "used": used}


def cover(fact, month):
    """Months of cover up to `month`, counted by the service month. A month's contribution buys the next one (JM-E-23), so
    the months brought in reach to January, which is covered without any for the unemployed (JM-E-24) and for a retiree,
    whose cover begins with it; and a resident's fee buys all of the year behind the months brought in (JM-E-27)."""
    resident = fact["identity"] == "resident"
    from_january = fact["identity"] in ("retiree", "unemployed")

    def months(prior):
        if resident:
            return prior + month
        return max(prior, 1 if from_january else 0) + month - 1

    covered = fact["paid"] and months(fact["prior_tier1"]) > 0
    tier2 = 0 if resident else months(fact["prior_tier2"])
    return {"covered": covered, "months": {"tier1": months(fact["prior_tier1"]) if covered else 0,
                                           "tier2": tier2 if covered else 0},
            "cover_months": min(month, tier2)}


if __name__ == "__main__":
    sys.exit(main())
