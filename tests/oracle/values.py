"""Values that a city publishes, and its options: what the law prints, and what a test lays over it.

A test gives {"parameters": {name: [{"from": "2018-01-01", "to": …, "value": "25000.00"}, …]}, "options": {name: word}}.
"""
import datetime

import days
import money
from form import Refusal

# What the laws themselves print; None: to be published from that day on. Everything else is missing too.
PRINTED = {
    "jiangmen": {
        # JM-C-24, JM-C-25
        "minimum_base": [{"from": "2017-01-01", "value": "2906.00"}, {"from": "2018-01-01", "value": None}],
        # JM-B-42, JM-B-43
        "catastrophic_threshold": [{"from": "2017-01-01", "value": "10000.00"}, {"from": "2018-01-01", "value": None}],
    },
}
# The first word is the default. Only what differs from city to city; base_floor (ZS-A1) has no use in these kinds.
OPTIONS = {
    "jiangmen": {"layer_order": ["tier2_first", "catastrophic_first"],        # AMB-01
                 "unfiled_residual_counts": ["true", "false"],                # AMB-17
                 "flexible_wait": ["first_or_interrupted", "every_entry"]},   # AMB-29
    "zaozhuang": {"unit_base": ["sum_of_clamped", "raw_payroll"]},            # ZZ-A8
    "zhoushan": {"ratio_reading": ["personal_at_least_half", "government_at_least_twice"]},  # ZS-A2
}


class Values:
    def __init__(self, city, given=None):
        given = given or {}
        self.options = {name: words[0] for name, words in OPTIONS.get(city, {}).items()}
        self.options.update(given.get("options", {}))
        self.lists = {}
        for parameters in PRINTED.get(city, {}), given.get("parameters", {}):
            for name, entries in parameters.items():
                by_day = {days.day(e["from"]): e for e in self.lists.get(name, [])}
                by_day.update({days.day(e["from"]): e for e in entries})  # O-01: the same `from` replaces
                self.lists[name] = [by_day[d] for d in sorted(by_day)]

    def option(self, name):
        return self.options[name]

    def text_on(self, name, on):
        """O-01: an entry holds from its `from` to the day before the next, or to its `to`. None: not published."""
        found = None
        for entry in self.lists.get(name, []):
            if days.day(entry["from"]) <= on:
                found = entry
        if found is None or ("to" in found and on > days.day(found["to"])):
            return None
        return found["value"]

    def on(self, name, on):
        """The amount in force on a day, in fen. A missing value is never guessed."""
        text = self.text_on(name, on)
        if text is None:
            raise Refusal("PARAMETER_MISSING", parameter=name)
        return money.fen(text)

    def rate_on(self, name, on):
        text = self.text_on(name, on)
        if text is None:
            raise Refusal("PARAMETER_MISSING", parameter=name)
        return money.rate(text)

    def of_year(self, name, year):
        """O-01: a value dated by the year it describes holds for that year only."""
        for entry in self.lists.get(name, []):
            if days.day(entry["from"]) == datetime.date(year, 1, 1) and entry["value"] is not None:
                return money.fen(entry["value"])
        raise Refusal("PARAMETER_MISSING", parameter=name)


def decoy(given):
    """Another overlay with the same entries and other values; whatever is laid over it replaces all of it (O-01)."""
    return {"parameters": {name: [{"from": e["from"], "value": "1"} for e in entries]
                           for name, entries in given.get("parameters", {}).items()},
            "options": {name: words[-1] for city in OPTIONS.values() for name, words in city.items()
                        if name in given.get("options", {})}}


def overlay(given, name="oracle"):
    """The same as a policy file to lay over the city's."""
    lines = ["overlay: " + name, "status: synthetic"]
    if given.get("parameters"):
        lines.append("parameters:")
    for parameter, entries in given.get("parameters", {}).items():
        lines.append("  %s:" % parameter)
        for entry in entries:
            to = ", to: " + entry["to"] if "to" in entry else ""
            lines.append('    - {from: %s%s, value: %s, source: "made up for tests"}' % (entry["from"], to,
                                                                                       entry["value"]))
    if given.get("options"):
        lines.append("options:")
    for option, choice in given.get("options", {}).items():
        lines.append("  %s: %s" % (option, choice))
    return "\n".join(lines) + "\n"
