"""The second engine: the same questions as `tongchou eval`, answered slowly and plainly from the catalogue of rules.

It shares no code and no data with the program, so that a mistake has to be made twice to go unseen. One function per
formula, each naming its rule; amounts are whole fen, rates whole millionths.
"""
import account
import benefit
import cash_calendar
import contribution
import coverage
import fund
import points
import retirement
from form import Refusal
from values import Values

ENGINES = {
    ("benefit", "jiangmen"): benefit.answer,
    ("contribution", "jiangmen"): lambda case, values: contribution.answer("jiangmen", case, values),
    ("contribution", "zaozhuang"): lambda case, values: contribution.answer("zaozhuang", case, values),
    ("account", "jiangmen"): account.answer,
    ("retirement", "jiangmen"): lambda case, values: retirement.answer("jiangmen", case, values),
    ("retirement", "zaozhuang"): lambda case, values: retirement.answer("zaozhuang", case, values),
    ("coverage", "jiangmen"): coverage.answer,
    ("calendar", "zaozhuang"): lambda case, values: cash_calendar.answer(case, values.calendar),
    ("deficit", "sanmenxia"): fund.deficit,
    ("interest", "sanmenxia"): fund.interest,
    ("surplus", "yancheng"): lambda case, values: fund.surplus("yancheng", case, values),
    ("surplus", "zaozhuang"): lambda case, values: fund.surplus("zaozhuang", case, values),
    ("funding", "zhoushan"): fund.funding,
    ("gap", "yancheng"): fund.gap,
    ("routing", "yancheng"): fund.routing,
    ("points", "zhoushan"): points.answer,
}


def world(city, given=None, calendar_folder=None):
    """The values and options that cases of a city are answered under (values.py)."""
    values = Values(city, given)
    if city == "zaozhuang":
        values.calendar = cash_calendar.WorkingDays(calendar_folder or cash_calendar.FOLDER)
    return values


def answer(kind, city, case, values):
    """A dict like the program's answer, without steps and texts. An error's `field` is a set of fields, any of which
    may be told, or None for any; `parameter` "" stands for any parameter."""
    shown = case.get("id") if isinstance(case, dict) and isinstance(case.get("id"), str) else None
    try:
        return {"id": shown, **ENGINES[kind, city](case, values)}
    except Refusal as refusal:
        error = {"code": refusal.code, "field": refusal.fields}
        if refusal.code == "PARAMETER_MISSING":
            error["parameter"] = refusal.parameter
        return {"id": shown, "error": error}
