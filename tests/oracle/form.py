"""What a case may look like. A shape is a dict of name → Field; check() tells the fault of a case that comes first
by E-04.

Several fields may be at fault with one code, and the interface does not say which of them is told. So a Refusal holds
all of them, and the comparison accepts any.
"""
import days
import money

ORDER = ["INVALID_JSON", "UNKNOWN_FIELD", "MISSING_FIELD", "INVALID_FIELD", "OUT_OF_RANGE", "UNSUPPORTED",
         "NOT_IN_FORCE", "PARAMETER_MISSING"]


class Refusal(Exception):
    """The case cannot be answered. `fields` None: any field will do; `parameter` "": any parameter will do."""

    def __init__(self, code, *fields, parameter=None):
        super().__init__(code)
        self.code, self.fields, self.parameter = code, (set(fields) if fields else None), parameter


class Field:
    """`good(value)` tells a well-formed value; `members` are those of an object or of each object of a list; with
    `any_name` the value is an object of well-formed values under any names."""

    __slots__ = ("good", "required", "null", "members", "is_list", "any_name")

    def __init__(self, good=None, required=True, null=False, members=None, is_list=False, any_name=False):
        self.good, self.required, self.null = good, required, null
        self.members, self.is_list, self.any_name = members, is_list, any_name


# ---- kinds of value

def text(value):
    return isinstance(value, str) and value != ""


def amount(value):
    return money.is_money(value)


def date(value):
    return days.day(value) is not None


def a_month(value):
    return days.month(value) is not None


def span(value):
    return isinstance(value, list) and len(value) == 2 and all(a_month(v) for v in value)


def yes_no(value):
    return isinstance(value, bool)


def count(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100_000_000


def year(value):
    return isinstance(value, int) and not isinstance(value, bool) and 1900 <= value <= 2199


def word(*words):
    known = set(words)
    return lambda value: isinstance(value, str) and value in known


def words(*all_words):
    known = set(all_words)
    return lambda value: isinstance(value, list) and all(isinstance(v, str) and v in known for v in value)


def date_or(*others):
    return lambda value: value in others or date(value) if isinstance(value, str) else False


def balances(value):
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and date(pair[0]) and amount(pair[1]) for pair in value)


# ---- the fields of a case

def look(node, shape, where, faults):
    for name, value in node.items():
        field = shape.get(name)
        if field is None:
            faults.append(("UNKNOWN_FIELD", where + name))
        elif value is None and field.null:
            pass
        elif field.any_name:
            look_map(value, field, where + name, faults)
        elif field.members is None:
            if not field.good(value):
                faults.append(("INVALID_FIELD", where + name))
        elif field.is_list:
            look_list(value, field, where + name, faults)
        elif isinstance(value, dict):
            look(value, field.members, where + name + ".", faults)
        else:
            faults.append(("INVALID_FIELD", where + name))
    for name, field in shape.items():
        if field.required and name not in node:
            faults.append(("MISSING_FIELD", where + name))


def look_list(value, field, path, faults):
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        faults.append(("INVALID_FIELD", path))
    if isinstance(value, list):
        for i, item in enumerate(value):
            if isinstance(item, dict):
                look(item, field.members, "%s[%d]." % (path, i), faults)


def look_map(value, field, path, faults):
    if not isinstance(value, dict):
        faults.append(("INVALID_FIELD", path))
    else:
        faults.extend(("INVALID_FIELD", "%s.%s" % (path, name)) for name, v in value.items() if not field.good(v))


def check(case, shape, needed=None):
    """Refuse a case that does not fit (E-01 to E-04, E-08). `needed(case)` gives fields that are missing because of what
    others say; it may meet any JSON."""
    faults = []
    look(case, shape, "", faults)
    if needed:
        faults.extend(("MISSING_FIELD", path) for path in needed(case))
    refuse(faults)


def part(node, name):
    """A member that should be an object; an empty one where it is not."""
    value = node.get(name) if isinstance(node, dict) else None
    return value if isinstance(value, dict) else {}


def refuse(faults):
    """Of several faults the first of E-04 is told."""
    if not faults:
        return
    code = min((f[0] for f in faults), key=ORDER.index)
    raise Refusal(code, *[f[1] for f in faults if f[0] == code])


ID = {"id": Field(lambda value: isinstance(value, str))}
