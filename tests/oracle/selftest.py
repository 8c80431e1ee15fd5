"""Pins the second engine to the worked examples of the rule catalogues, without the program."""
import unittest

import benefit
import oracle
from money import fen, yuan

THRESHOLD = {"parameters": {"catastrophic_threshold": [{"from": "2018-01-01", "value": "25000.00"}]}}


def ask(kind, city, given=None, **case):
    case.setdefault("id", "x")
    return oracle.answer(kind, city, case, oracle.world(city, given))


# ---- Jiangmen: bills

def bill(identity, in_scope, level="3", designated=True, n1=60, n2=60, groups=(), used=None, total=None, **visit):
    facts = {"type": "inpatient", "from": "2018-03-01", "to": "2018-03-10", "area": "city", "filing": "none", **visit}
    return {"person": {"identity": identity, "groups": list(groups), "covered": True,
                       "months": {"tier1": n1, "tier2": n2}, "cover_months": 3},
            "facility": {"level": level, "designated": designated, "primary": False}, "visit": facts,
            "fees": {"total": total or in_scope, "in_scope": in_scope}, "used": used or {}}


def asked(case, given=THRESHOLD):
    return ask("benefit", "jiangmen", given, **case)


def year_of(**options):
    return {**THRESHOLD, "options": options}


class Inpatient(unittest.TestCase):
    def pays(self, expected, case, given=THRESHOLD):
        """expected: deductible, P1, P2, P3, person"""
        got = asked(case, given)
        self.assertEqual(got.get("decision"), "paid", got)
        self.assertEqual(expected.split(), [got["deductible"], *got["paid"].values(), got["person"]])
        return got

    def test_we_01(self):
        self.pays("600.00 9396.54 0.00 0.00 2949.13", bill("resident", "12345.67", "2"))

    def test_we_02_first_twelve_months(self):
        self.pays("900.00 100000.00 0.00 84370.00 75630.00", bill("resident", "260000.00", n1=8))

    def test_we_03_month_24_and_25(self):
        self.pays("900.00 140000.00 0.00 56460.00 63540.00", bill("resident", "260000.00", n1=24))
        self.pays("900.00 142505.00 0.00 54957.00 62538.00", bill("resident", "260000.00", n1=25))

    def test_we_04_band_crossed_inside_the_year(self):
        first = self.pays("900.00 100000.00 0.00 120000.00 180000.00", bill("resident", "400000.00", n1=12))
        self.assertEqual(first["used"]["catastrophic_base"], "299100.00")
        self.pays("900.00 40000.00 0.00 41370.00 18630.00",
                  bill("resident", "100000.00", n1=13, used=first["used"]))

    def test_we_05_and_06_five_guarantee(self):
        both = ["five_guarantee", "extreme_hardship"]
        self.pays("0.00 7600.05 0.00 0.00 400.00", bill("resident", "8000.05", "1", groups=both))
        self.pays("0.00 33000.00 0.00 17600.00 9400.00", bill("resident", "60000.00", groups=both))

    def test_we_07_minimum_living_not_designated(self):
        self.pays("1500.00 15400.00 0.00 9360.00 15240.00",
                  bill("resident", "40000.00", designated=False, groups=["minimum_living"]))

    def test_we_08_and_09_employee(self):
        self.pays("900.00 27005.00 17030.75 0.00 5964.25", bill("employee", "50000.00"))
        self.pays("600.00 7421.23 1339.40 0.00 1115.91",
                  bill("employee", "9876.54", "2", used={"tier2_base": "4321.09"}))

    def test_we_10_retiree(self):
        self.pays("800.00 29520.00 14978.00 0.00 5502.00", bill("retiree", "50000.00"))

    def test_we_11_employee_not_designated(self):
        self.pays("1500.00 11400.00 11075.00 0.00 7525.00", bill("employee", "30000.00", designated=False))

    def test_we_12_unfiled(self):
        self.pays("900.00 21752.50 23497.69 5309.89 29439.92",
                  bill("employee", "80000.00", area="outside", filing="unfiled"))

    def test_we_13_all_caps(self):
        self.pays("900.00 200000.00 200000.00 240000.00 260000.00", bill("employee", "900000.00"))

    def test_we_14_two_orders(self):
        case = bill("employee", "300000.00")
        self.pays("900.00 164505.00 112655.75 0.00 22839.25", case)
        self.pays("900.00 164505.00 55521.73 67216.50 12756.77", case, year_of(layer_order="catastrophic_first"))

    def test_we_15_referral_and_family_bed(self):
        self.pays("500.00 2125.00 0.00 0.00 875.00", bill("resident", "3000.00", "1"))
        self.pays("400.00 10780.00 0.00 0.00 9220.00",
                  bill("resident", "20000.00", referral={"deductible_borne": "500.00"}))
        self.pays("0.00 1275.00 0.00 0.00 225.00", bill("resident", "1500.00", "1", family_bed=True))

    def test_we_16_childbirth(self):
        self.pays("500.00 500.00 0.00 0.00 500.00", bill("resident", "1000.00", "1", childbirth=True))
        self.pays("500.00 500.00 0.00 0.00 588.24", bill("resident", "1088.24", "1", childbirth=True))
        self.pays("600.00 3520.00 0.00 0.00 1480.00", bill("resident", "5000.00", "2", childbirth=True))

    def test_b_03_floor_above_the_in_scope_expense(self):
        self.pays("100.00 300.00 0.00 0.00 0.00",
                  bill("resident", "100.00", "1", total="300.00", childbirth=True))

    def test_we_23_two_counters(self):
        self.pays("900.00 200000.00 100000.00 44460.00 55540.00", bill("employee", "400000.00", n1=41, n2=5))

    def test_b_06_residual_not_counted(self):
        # By hand: X 79,100, P1 halved 21,752.50, P1' 43,505.00, S1' 35,595.00; P2 halved on S1':
        # 5,000 × 25 % + 30,595 × 42.5 % = 14,252.875 → 14,252.88; P2' 28,505.75; catastrophic looks at 7,089.25.
        got = self.pays("900.00 21752.50 14252.88 0.00 43994.62",
                        bill("employee", "80000.00", area="outside", filing="unfiled"),
                        year_of(unfiled_residual_counts="false"))
        self.assertEqual(got["used"]["tier2_base"], "35595.00")
        self.assertEqual(got["used"]["catastrophic_base"], "7089.25")

    def test_we_25_transition(self):
        self.assertEqual(yuan(benefit.transitional_payment(fen("10000.50"), 24)), "7300.37")
        self.assertEqual(yuan(benefit.transitional_payment(fen("10000.50"), 25)), "7800.39")

    def test_refusals(self):
        self.assertEqual(asked(bill("employee", "1.00"), {})["error"]["parameter"], "catastrophic_threshold")
        early = bill("employee", "1.00", **{"from": "2017-12-01", "to": "2017-12-31"})
        self.assertEqual(asked(early)["error"]["code"], "NOT_IN_FORCE")
        self.assertEqual(asked(bill("employee", "-1.00"))["error"]["code"], "INVALID_FIELD")
        self.assertEqual(asked(bill("employee", "1.00", total="0.99"))["error"]["code"], "OUT_OF_RANGE")
        self.assertEqual(asked({**bill("employee", "1.00"), "x": 1})["error"],
                         {"code": "UNKNOWN_FIELD", "field": {"x"}})


class Outpatient(unittest.TestCase):
    def visits(self, identity, *visits):
        used = {}
        for month, fee, point, referred_on, expected in visits:
            case = bill(identity, fee, "1", type="outpatient", point=point, referred_on=referred_on,
                        **{"from": "2018-" + month, "to": "2018-" + month})
            case["person"]["cover_months"] = int(month[:2])
            case["facility"]["primary"] = point == "primary"
            case["used"] = used
            got = asked(case, {})
            self.assertEqual((got["fund"], got["person"]), expected, (month, fee))
            used = got["used"]

    def test_we_17(self):
        self.visits("resident", ("01-05", "120.00", "primary", None, ("84.00", "36.00")),
                    ("01-06", "150.00", "primary", None, ("96.00", "54.00")),
                    ("01-07", "80.00", "primary", None, ("0.00", "80.00")))

    def test_we_18(self):
        self.visits("employee", ("01-05", "200.00", "primary", None, ("140.00", "60.00")),
                    ("02-05", "130.00", "primary", None, ("91.00", "39.00")),
                    ("03-01", "100.00", "primary", None, ("54.00", "46.00")),
                    ("03-05", "150.00", "other", "2018-02-10", ("90.00", "60.00")),
                    ("03-20", "100.00", "other", "2018-02-10", ("30.00", "70.00")))


# ---- Jiangmen: contributions, accounts, years, cover

def line(*facts):
    return dict(zip(("item", "payer", "amount", "base", "rate"), facts))


INCOME = {"parameters": {"resident_disposable_income": [
    {"from": "2016-01-01", "value": "24000.00"}, {"from": "2017-01-01", "value": "26000.00"},
    {"from": "2018-01-01", "value": "28000.00"}]}}


class JiangmenMoney(unittest.TestCase):
    def test_we_19(self):
        for wage, base, amounts in (("2500.00", "2906.00", "87.18 14.53 87.18 43.59 232.48"),
                                    ("12000.00", "8718.00", "261.54 43.59 261.54 130.77 697.44"),
                                    ("5432.10", "5432.10", "162.96 27.16 162.96 81.48 434.56")):
            got = ask("contribution", "jiangmen", month="2017-07", person={"identity": "employee", "wage": wage})
            t1e, t1p, t2e, t2p, total = amounts.split()
            self.assertEqual(got["lines"], [line("tier1", "employer", t1e, base, "0.03"),
                                            line("tier1", "person", t1p, base, "0.005"),
                                            line("tier2", "employer", t2e, base, "0.03"),
                                            line("tier2", "person", t2p, base, "0.015")])
            self.assertEqual(got["total"], total)
        got = ask("contribution", "jiangmen", month="2017-12", person={"identity": "flexible"})
        self.assertEqual(got["lines"], [line("tier1", "person", "101.71", "2906.00", "0.035"),
                                        line("tier2", "person", "130.77", "2906.00", "0.045")])

    def test_we_19_residents(self):
        for year, fee in ((2017, "200.00"), (2018, "288.00"), (2019, "364.00"), (2020, "448.00")):
            got = ask("contribution", "jiangmen", INCOME, year=year, person={"identity": "resident"})
            self.assertEqual(got["total"], fee)

    def test_jm_c_03(self):
        def payer(**person):
            got = ask("contribution", "jiangmen", INCOME, year=2019, person={"identity": "resident", **person})
            return got["lines"][0]["payer"] if "lines" in got else got["error"]["code"]
        self.assertEqual(payer(groups=["minimum_living"]), "finance")
        self.assertEqual(payer(groups=["low_income_family"]), "MISSING_FIELD")
        self.assertEqual(payer(groups=["low_income_family"], birth="1959-01-01"), "finance")
        self.assertEqual(payer(groups=["low_income_family"], birth="1959-01-02"), "person")
        self.assertEqual(payer(groups=["low_income_family"], birth="2001-01-01"), "person")
        self.assertEqual(payer(groups=["low_income_family"], birth="2001-01-02"), "finance")
        self.assertEqual(payer(groups=["severely_disabled"]), "person")

    def test_we_20_fees_of_two_years(self):
        fees = [ask("contribution", "jiangmen", INCOME, year=y, person={"identity": "resident"})["total"]
                for y in (2018, 2019)]
        self.assertEqual(yuan(sum(map(fen, fees))), "652.00")

    def test_we_21(self):
        def credit(birth, wage, given=None, **reference):
            person = {"identity": "employee", "birth": birth, "base": wage, "reference": reference or {"kind": "none"}}
            return ask("account", "jiangmen", given, month="2018-03", person=person)["credit"]
        self.assertEqual(credit("1982-03-02", "2906.00"), "60.20")  # 35 until the day after
        self.assertEqual(credit("1982-03-01", "3000.00"), "72.24")
        self.assertEqual(credit("1978-01-01", "5000.00"), "100.00")
        self.assertEqual(credit("1972-01-01", "4214.00"), "84.28")
        self.assertEqual(credit("1972-01-01", "4215.00"), "84.31")
        rate = {"parameters": {"account_rate_2016_middle": [{"from": "2017-01-01", "value": "0.025"}]}}
        old = {"kind": "actual", "amount": "120.00", "base": "4800.00"}
        self.assertEqual(credit("1978-01-01", "4000.00", rate, **old), "100.00")
        self.assertEqual(credit("1978-01-01", "5500.00", rate, **old), "120.00")

    def test_we_24(self):
        base = {"parameters": {"minimum_base": [{"from": "2019-01-01", "value": "3600.00"}]}}
        got = ask("retirement", "jiangmen", base, on="2019-03-15", person={
            "first_tier2": "2010-05", "months": 212, "transferred": False, "local_months": 212})
        self.assertEqual(got, {"id": "x", "required": 240, "missing": 28, "monthly": "198.00", "lump_sum": "5544.00",
                               "exempt": False})


def cover(as_of, *contributions, given=None, **case):
    return ask("coverage", "jiangmen", given, as_of=as_of, contributions=list(contributions), **case)


def months(identity, first, last, paid="on_time", **more):
    return {"identity": identity, "months": [first, last], "paid": paid, **more}


def resident(year, paid="on_time"):
    return {"identity": "resident", "year": year, "paid": paid}


class Cover(unittest.TestCase):
    def test_the_interface_s_example(self):
        got = cover("2019-07-20", months("employee", "2017-09", "2019-04"),
                    months("employee", "2019-05", "2019-07", "2019-08-10"), resident(2020, "2019-11-02"))
        self.assertEqual(got, {"id": "x", "covered": True, "months": {"tier1": 22, "tier2": 22}, "scale": "0.70",
                               "arrears": 0, "interrupted": False, "from": "2017-10-01", "until": None})

    def test_we_20_newborn(self):
        born = {"born": "2018-11-20"}
        got = cover("2018-11-20", resident(2018, "2019-02-28"), resident(2019, "2019-02-28"), **born)
        self.assertEqual((got["covered"], got["months"]["tier1"], got["from"]), (True, 1, "2018-11-20"))
        got = cover("2019-03-31", resident(2019, "2019-03-01"), **born)
        self.assertEqual((got["covered"], got["until"]), (False, None))
        got = cover("2019-04-01", resident(2019, "2019-03-01"), **born)
        self.assertEqual((got["covered"], got["from"]), (True, "2019-04-01"))

    def test_we_22_three_months(self):
        before = months("employee", "2017-09", "2019-04")  # 20 months
        back = months("employee", "2019-05", "2019-08", "2019-08-10")
        self.assertEqual(cover("2019-07-15", before, back)["months"]["tier2"], 22)
        self.assertEqual(cover("2019-09-15", before, back)["months"]["tier2"], 24)
        for day in ("2019-06-01", "2019-07-31", "2019-08-15"):
            self.assertTrue(cover(day, before, back)["covered"])

    def test_we_22_four_months(self):
        for identity, returns in (("employee", "2019-10-01"), ("flexible", "2019-12-01")):
            before = months(identity, "2017-09", "2019-04")
            back = months(identity, "2019-05", "2019-09", "2019-09-10")
            after = months(identity, "2019-10", "2019-12")
            for day in ("2019-06-15", "2019-09-30"):
                self.assertFalse(cover(day, before, back, after)["covered"])
            self.assertEqual(cover("2019-09-30", before, back, after)["interrupted"], True)
            got = cover("2019-12-31", before, back, after)
            self.assertEqual(got["from"], returns)
            self.assertEqual(got["months"], {"tier1": 3, "tier2": 3})
        got = cover("2019-10-01", months("employee", "2017-09", "2019-04"),
                    months("employee", "2019-05", "2019-09", "2019-09-10"))
        self.assertEqual((got["covered"], got["months"]["tier1"], got["scale"]), (True, 1, "0.50"))

    def test_we_23_counters(self):
        got = cover("2021-06-15", resident(2018), resident(2019), resident(2020),
                    months("employee", "2021-01", "2021-05"))
        self.assertEqual(got["months"], {"tier1": 41, "tier2": 5})
        self.assertEqual(got["from"], "2021-02-01")  # January 2021 is bought by nobody

    def test_jm_e_24_unemployed(self):
        got = cover("2019-05-10", months("unemployed", "2019-05", "2019-08"))
        self.assertEqual((got["covered"], got["months"]), (True, {"tier1": 0, "tier2": 0}))
        got = cover("2019-04-10", months("unemployed", "2019-05", "2019-08", applied_on="2019-04-20"))
        self.assertTrue(got["covered"])

    def test_amb_29(self):
        change = [months("employee", "2018-01", "2019-03"), months("flexible", "2019-04", "2019-12")]
        self.assertTrue(cover("2019-05-10", *change)["covered"])
        every = {"options": {"flexible_wait": "every_entry"}}
        self.assertTrue(cover("2019-04-10", *change, given=every)["covered"])
        self.assertFalse(cover("2019-06-30", *change, given=every)["covered"])
        self.assertTrue(cover("2019-07-01", *change, given=every)["covered"])


# ---- Zaozhuang

WAGE = {"parameters": {"provincial_average_wage": [{"from": "2020-01-01", "value": "69135.00"}]}}


class Zaozhuang(unittest.TestCase):
    def due(self, identity, wage=None, kind="enterprise", given=WAGE):
        person = {"identity": identity, **({"wage": wage} if wage else {})}
        got = ask("contribution", "zaozhuang", given, month="2020-05", person=person, employer={"kind": kind})
        return [l["amount"] for l in got["lines"]], got["total"]

    def test_a1_to_g1(self):
        self.assertEqual(self.due("employee", "8000.00"), (["640.00", "160.00", "10.00"], "810.00"))
        self.assertEqual(self.due("employee", "3000.00"), (["276.54", "69.14", "10.00"], "355.68"))
        self.assertEqual(self.due("employee", "20000.00"), (["1382.70", "345.68", "10.00"], "1738.38"))
        self.assertEqual(self.due("employee", "9876.54", "organ"), (["720.99", "197.53", "10.00"], "928.52"))
        self.assertEqual(self.due("employee", "25000.00", "organ"), (["1261.71", "345.68", "10.00"], "1617.39"))
        self.assertEqual(self.due("employee", "5000.00", "distressed"), (["172.84", "100.00", "10.00"], "282.84"))
        self.assertEqual(self.due("unemployed"), (["311.11", "10.00"], "321.11"))
        self.assertEqual(self.due("flexible"), (["138.27", "10.00"], "148.27"))
        self.assertEqual(self.due("retiree"), (["10.00"], "10.00"))

    def test_zz_a8_raw_payroll(self):
        raw = {**WAGE, "options": {"unit_base": "raw_payroll"}}
        units = [fen(self.due("employee", w, given=raw)[0][0]) for w in ("8000.00", "3000.00", "20000.00")]
        self.assertEqual(yuan(sum(units)), "2480.00")

    def test_f1_to_f7(self):
        for sex, actual, deemed, missing, lump in (
                ("male", 114, 150, 36, "8296.20"), ("female", 96, 144, 24, "5530.80"), ("male", 120, 180, 0, "0.00"),
                ("female", 180, 0, 60, "13827.00"), ("male", 144, 155, 1, "230.45"),
                ("female", 60, 84, 96, "22123.20")):
            got = ask("retirement", "zaozhuang", WAGE, on="2020-03-15",
                      person={"sex": sex, "actual_months": actual, "deemed_months": deemed})
            self.assertEqual((got["missing"], got["lump_sum"], got["monthly"], got["exempt"]),
                             (missing, lump, "230.45", missing == 0))

    def test_calendar_2020(self):
        table = """01 22,23 23 23 02-05 02-05 02-12 02-19
                   02 27,28 28 25 03-05 03-05 03-12 03-19
                   03 30,31 31 25 04-03 04-07 04-13 04-20
                   04 29,30 30 24 04-30 05-06 05-11 05-18
                   05 28,29 29 25 06-05 06-05 06-12 06-19
                   06 29,30 30 24 07-03 07-06 07-10 07-17
                   07 30,31 31 24 08-05 08-05 08-12 08-19
                   08 28,31 31 25 09-04 09-07 09-11 09-18
                   09 29,30 30 25 09-30 10-09 10-14 10-21
                   10 29,30 30 23 11-05 11-05 11-12 11-19
                   11 27,30 30 25 12-04 12-07 12-11 12-18
                   12 30,31 31 25 1-01-05 1-01-05 1-01-12 1-01-19"""
        expected = []
        for row in table.splitlines():
            m, remit, sweep, plan, due, latest, finance, city = row.split()
            a, b = remit.split(",")
            own = "2020-%s-" % m
            later = ["202" + d if d.startswith("1-") else "2020-" + d for d in (due, latest, finance, city)]
            expected.append({"month": own[:-1], "remit": [own + a, own + b], "sweep": own + sweep,
                             "plan_due": own + plan, "city_plan_due": later[0], "city_plan_latest": later[1],
                             "finance_pays_by": later[2],
                             "city_pays_by": later[3]})
        self.assertEqual(ask("calendar", "zaozhuang", year=2020), {"id": "x", "months": expected})
        self.assertEqual(ask("calendar", "zaozhuang", year=2019)["error"]["code"], "NOT_IN_FORCE")
        self.assertEqual(ask("calendar", "zaozhuang", year=2150)["error"]["parameter"], "calendar")

    def test_surplus(self):
        got = ask("surplus", "zaozhuang", surplus="123456789.01", provisional=None)
        self.assertEqual(got["instalments"], [{"due": "2020-03-31", "amount": "123456789.01"}])


# ---- Sanmenxia, Yancheng, Zhoushan

class Fund(unittest.TestCase):
    def test_x1_to_x4(self):
        for deficit, contributed, enjoyed, offset, net, minimum, rest in (
                ("50000000.00", "12345678.90", "4000000.00", "8345678.90", "41654321.10", "12496296.33", "16661728.44"),
                ("1000000.01", "0.00", "0.00", "0.00", "1000000.01", "300000.01", "399999.99"),
                ("3000000.00", "9000000.00", "5000000.00", "3000000.00", "0.00", "0.00", "0.00"),
                ("3000000.00", "5000000.00", "7000000.00", "0.00", "3000000.00", "900000.00", "1200000.00")):
            got = ask("deficit", "sanmenxia", deficit=deficit, contributed=contributed, enjoyed=enjoyed,
                      paid={"2021": minimum, "2022": minimum})
            self.assertEqual((got["offset"], got["net"], got["minimum"], got["outstanding"]),
                             (offset, net, {"2021": minimum, "2022": minimum}, rest))
            self.assertEqual(got["shortfall"], {"2021": "0.00", "2022": "0.00"})
            self.assertEqual(got["due"], "2023-12-31" if net != "0.00" else None)

    def test_paths_of_x1(self):
        def path(**paid):
            return ask("deficit", "sanmenxia", deficit="50000000.00", contributed="12345678.90", enjoyed="4000000.00",
                       paid={y[1:]: a for y, a in paid.items()})
        self.assertEqual(path(y2021="33323456.88")["minimum"]["2022"], "8330864.22")
        short = path(y2021="8330864.22", y2022="12496296.33")
        self.assertEqual(short["shortfall"]["2021"], "4165432.11")
        self.assertEqual(short["outstanding"], "20827160.55")
        self.assertEqual(path(y2021="41654321.11")["error"]["code"], "OUT_OF_RANGE")

    def test_interest(self):
        first = "2021-06-21"
        balances = {"EMP_POOL": [[first, "800000000.00"], ["2021-07-31", "855000000.00"]],
                    "EMP_PERSONAL": [[first, "300000000.00"]],
                    "RESIDENT": [[first, "450000000.00"], ["2021-08-16", "399999999.99"]],
                    "LARGE_SUPP": [[first, "50000000.00"]], "MATERNITY": [[first, "25000000.00"]]}
        got = ask("interest", "sanmenxia", **{"from": first, "to": "2021-09-20", "amount": "12345678.90", "ledgers": [
            {"name": name, "balances": pairs} for name, pairs in balances.items()]})
        self.assertEqual(got["interest"], {
            "EMP_POOL": "6269597.56", "EMP_PERSONAL": "2263155.80", "RESIDENT": "3247136.59",
            "LARGE_SUPP": "377192.63", "MATERNITY": "188596.32"})

    def test_surplus(self):
        def parts(surplus, provisional):
            got = ask("surplus", "yancheng", surplus=surplus, provisional=provisional)
            return [i["amount"] for i in got["instalments"]]
        self.assertEqual(parts("123456789.01", None), ["61728394.51", "61728394.50"])
        self.assertEqual(parts("123456789.01", "120000000.00"), ["60000000.00", "63456789.01"])

    def test_funding(self):
        def test(personal, government, reading, year=2022):
            given = {"parameters": {"disposable_income": [{"from": "2020-01-01", "value": "55824.00"},
                                                          {"from": "2021-01-01", "value": "60848.00"}]},
                     "options": {"ratio_reading": reading}}
            return ask("funding", "zhoushan", given, year=year, personal=personal, government=government)
        first, second = "personal_at_least_half", "government_at_least_twice"
        got = test("520.00", "1000.00", first)
        self.assertEqual(got, {"id": "x", "floor": "1521.20", "total": "1520.00", "meets_floor": False,
                               "meets_ratio": True})
        for p, g, one, two in (("500.00", "1000.00", True, True), ("520.00", "1000.00", True, False),
                               ("450.00", "1050.00", False, True), ("507.07", "1014.13", True, False),
                               ("507.06", "1014.14", False, True)):
            self.assertEqual((test(p, g, first)["meets_ratio"], test(p, g, second)["meets_ratio"]), (one, two))
        self.assertEqual(test("1.00", "1.00", first, 2021)["floor"], "1395.60")
        self.assertEqual(test("1.00", "1.00", first, 2020)["error"]["code"], "NOT_IN_FORCE")

    def test_gap(self):
        def gap(expense):
            got = ask("gap", "yancheng", revenue="500000000.00", expense=expense, accumulated="40000000.00")
            return [got[n] for n in ("deficit", "from_accumulated", "residual", "action")]
        self.assertEqual(gap("512300000.00"), ["12300000.00", "12300000.00", "0.00", "none"])
        self.assertEqual(gap("560000000.00"), ["60000000.00", "40000000.00", "20000000.00", "policy_adjustment"])

    def test_routing(self):
        def route(code, kind, level, division):
            facility = {"code": code, "kind": kind, "division": division, **({"level": level} if level else {})}
            got = ask("routing", "yancheng", facility=facility)
            return [got[n] for n in ("accepted_by", "signed_by", "supervised_by", "settled_by", "filed_with")]
        self.assertEqual(route("H32090200011", "hospital", "3", "320902"), ["city"] * 5)
        self.assertEqual(route("H32090300003", "hospital", "3", "320903"), ["city"] + ["320903"] * 3 + ["city"])
        self.assertEqual(route("H1", "hospital", "3", "320904"), ["320904"] * 4 + ["city"])
        self.assertEqual(route("P1", "pharmacy", None, "320902"), ["320902"] * 4 + ["city"])


class Points(unittest.TestCase):
    def test_worked_example(self):
        def c(hospital, group, cost, patient, **more):
            return {"hospital": hospital, "group": group, "cost": cost, "patient": patient, **more}

        def k(hospital, group, value):
            return {"hospital": hospital, "group": group, "value": value}
        got = ask("points", "zhoushan", year=2022, budget="80000.00",
                  groups=[{"code": "A", "mean": "9600.00", "cases": 30}, {"code": "B", "mean": "24000.00", "cases": 20},
                          {"code": "C", "mean": "5000.00", "cases": 50}],
                  hospitals=[{"code": "H1"}, {"code": "H2"}],
                  coefficients=[k("H1", "A", "1.10"), k("H1", "B", "1.05"), k("H1", "C", "1.08"), k("H2", "A", "0.92"),
                                k("H2", "C", "0.95")],
                  cases=[c("H1", "A", "10500.00", "2500.00"), c("H1", "B", "60000.00", "15000.00", reviewed=True),
                         c("H1", "C", "1500.00", "345.00"), c("H1", "B", "24500.00", "6100.00"),
                         c("H2", "C", "16000.00", "4000.00", reviewed=True), c("H2", "A", "9000.00", "2250.00"),
                         c("H2", "C", "4900.00", "1025.00")])
        self.assertEqual([g["points"] for g in got["groups"]], ["94.3026", "235.7564", "49.1159"])
        self.assertEqual([x["points"] for x in got["cases"]][:5],
                         ["103.7329", "365.4224", "15.9136", "247.5442", "56.4833"])
        for name, value in (("average", "10180.00"), ("points", "922.5149"), ("fees", "126400.00"),
                            ("patient", "31220.00"), ("by_item", "95180.00"), ("difference", "15180.00"),
                            ("fund", "82277.00"), ("value", "123.02999")):
            self.assertEqual(got[name], value)
        self.assertEqual([(h["points"], h["gross"], h["due"]) for h in got["hospitals"]],
                         [("732.6131", "90133.38", "66188.38"), ("189.9018", "23363.62", "16088.62")])


if __name__ == "__main__":
    unittest.main()
