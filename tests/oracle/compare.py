"""Asks `tongchou eval` and the second engine the same random cases and compares what they answer.

    compare.py --program PATH/tongchou [--cases N] [--seed S] [--kind KIND] [--jobs J]

N cases of each kind and city (default: $ORACLE_CASES, else 2,000), ten times as many of `benefit`. Kinds and cities are
compared side by side, one to a processor; what is asked depends on the seed alone. Prints the seed, the speed and the
first differences in full; exit status 1 when there is a difference.
"""
import argparse
import concurrent.futures
import contextlib
import copy
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

import cases
import oracle
import values
from money import fen, signed_fen

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
CHUNK = 5000  # cases of one run of the program, so that memory does not grow
SPOILT = 0.05
ENCODE = json.JSONEncoder(separators=(",", ":")).encode
SHOWN = 5


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--program", required=True)
    options.add_argument("--cases", type=int, default=int(os.environ.get("ORACLE_CASES") or 2000))
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--kind", default=None)
    options.add_argument("--shown", type=int, default=SHOWN)
    options.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    asked = options.parse_args()
    seed = random.SystemRandom().randrange(2**32) if asked.seed is None else asked.seed
    print("seed %d" % seed, flush=True)
    different = 0
    with concurrent.futures.ProcessPoolExecutor(asked.jobs) as pool:
        parts = [pool.submit(compare_part, asked, seed, kind, city)
                 for kind, city in cases.MAKERS if asked.kind in (None, kind)]
        for part in parts:
            told, differences = part.result()
            sys.stdout.write(told)
            sys.stdout.flush()
            different += differences
    return 1 if different else 0


def compare_part(asked, seed, kind, city):
    """What to print of one kind and city, and how many differences."""
    told = io.StringIO()
    count = asked.cases * (10 if kind == "benefit" else 1)
    with tempfile.TemporaryDirectory(prefix="oracle") as folder, contextlib.redirect_stdout(told):
        differences = compare_kind(asked, seed, kind, city, count, folder)
    return told.getvalue(), differences


def compare_kind(asked, seed, kind, city, count, folder):
    rng = random.Random("%d %s %s" % (seed, kind, city))
    begin, done, differences, tally = time.monotonic(), 0, 0, {}
    chunk = min(CHUNK, max(1, count // 8))  # several worlds even for few cases
    turn = 0
    while done < count:
        batch = Batch(rng, kind, city, min(chunk, count - done), turn, folder)
        for line, case, expected, got in batch.answers(asked.program):
            tally_one(tally, expected)
            why = difference(kind, case, expected, got)
            if why:
                differences += 1
                if differences <= asked.shown:
                    show(batch, line, expected, got, why)
        done += batch.count
        turn += 1
    seconds = time.monotonic() - begin
    print("%-12s %-10s %7d cases %7.0f/s  %s  %s" % (
        kind, city, done, done / seconds, "%d DIFFERENT" % differences if differences else "agree",
        " ".join("%s %d" % item for item in sorted(tally.items()))))
    return differences


def tally_one(tally, expected):
    what = expected["error"]["code"] if "error" in expected else expected.get("decision", "answered")
    tally[what] = tally.get(what, 0) + 1


class OracleStopped(Exception):
    """The program did not answer every case once."""


class Batch:
    """Cases of one world: what the city has published, and its options."""

    def __init__(self, rng, kind, city, count, turn, folder):
        self.kind, self.city, self.count, self.folder = kind, city, count, folder
        self.given = cases.world(rng, city, turn)
        self.config = random_config(rng, folder) if kind == "calendar" else None
        self.world = oracle.world(city, self.given, self.config and os.path.join(self.config, "calendar"))
        self.overlays = []
        if self.given:
            if turn % 2:
                self.lay_over("decoy", values.decoy(self.given))
            self.lay_over("oracle", self.given)
        self.lines = [self.make(rng, i) for i in range(count)]

    def lay_over(self, name, given):
        path = os.path.join(self.folder, name + ".yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(values.overlay(given, name))
        self.overlays += ["--overlay", path]

    def make(self, rng, number):
        """A line, and the case it holds; None when it holds none."""
        if rng.random() < 0.002:
            return rng.choice(cases.BROKEN), None
        case = {"id": "%s-%d" % (self.kind, number), **cases.MAKERS[self.kind, self.city](rng, self.given)}
        if rng.random() < SPOILT:
            case = copy.deepcopy(case)
            cases.spoil(rng, case)
        line = ENCODE(case)
        return ("\n" + line if rng.random() < 0.002 else line), case  # empty lines are skipped

    def answers(self, program):
        """(line, case, what the second engine says, what the program says) of each case."""
        config = self.config or os.path.join(ROOT, "config")
        command = [program, "eval", self.kind, "--city", self.city, "--config", config, *self.overlays]
        path = os.path.join(self.folder, "cases.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line, _ in self.lines)
        with open(path, "rb") as file, subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE) as child:
            refused = False
            for line, case in self.lines:
                expected = self.expected(case)
                text = child.stdout.readline()
                if not text:
                    raise OracleStopped("%s\n  ended before its last answer" % " ".join(command))
                got = json.loads(text)
                refused |= "error" in got
                yield line.strip(), case, expected, got
            if child.stdout.readline():
                raise OracleStopped("%s\n  more answers than cases" % " ".join(command))
            if child.wait() != (1 if refused else 0):
                raise OracleStopped("%s\n  exit status %d" % (" ".join(command), child.returncode))

    def expected(self, case):
        if case is None:
            return {"id": None, "error": {"code": "INVALID_JSON", "field": None}}
        return oracle.answer(self.kind, self.city, case, self.world)


def random_config(rng, folder):
    """A configuration folder with made-up holidays."""
    config = os.path.join(folder, "config")
    shutil.rmtree(config, ignore_errors=True)
    shutil.copytree(os.path.join(ROOT, "config"), config)
    for name in os.listdir(os.path.join(config, "calendar")):
        os.remove(os.path.join(config, "calendar", name))
    for year in range(2018, 2028):
        if rng.random() < 0.95:
            with open(os.path.join(config, "calendar", "%d.yaml" % year), "w", encoding="utf-8") as file:
                file.write(cases.random_calendar(rng, year))
    return config


# ---- what counts as a difference

def difference(kind, case, expected, got):
    """None, or what differs."""
    if expected["id"] != got.get("id"):
        return "id"
    if "error" in expected or "error" in got:
        return error_difference(expected.get("error"), got.get("error"))
    if kind == "contribution":
        expected, got = in_order(expected), in_order(got)
    if kind == "benefit":  # the many: all texts, compared at once
        same = all(got.get(name) == value for name, value in expected.items())
        return benefit_difference(case, got) if same else first_difference(expected, got, "")
    return first_difference(expected, got, "")


def error_difference(expected, got):
    if expected is None or got is None or expected["code"] != got["code"]:
        return "error.code"
    if expected["code"] == "PARAMETER_MISSING":
        return None if expected["parameter"] in ("", got.get("parameter")) else "error.parameter"
    if expected["field"] is not None and got["field"] not in expected["field"]:
        return "error.field"
    return None


def first_difference(expected, got, where):
    """The path of the first difference; the program may tell more members than the engine knows."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in expected:
            why = name not in got and where + name or first_difference(expected[name], got[name], where + name + ".")
            if why:
                return why
        return None
    if isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            return where + "length"
        pairs = enumerate(zip(expected, got))
        return next((w for i, (e, g) in pairs if (w := first_difference(e, g, "%s%d." % (where, i)))), None)
    return None if type(expected) is type(got) and expected == got else where.rstrip(".")


def in_order(answer):
    """Lines by item and payer; a line without base and rate says so (C-04)."""
    lines = sorted(answer["lines"], key=lambda line: (line["item"], line["payer"]))
    return {**answer, "lines": [{"base": None, "rate": None, **line} for line in lines]}


def benefit_difference(case, answer):
    """B-13, B-15, and that the parts add up to the bill."""
    parts = {"deductible": 0, "person": 0, **dict.fromkeys(answer["paid"], 0)}
    for step in answer["steps"]:
        if step["part"] not in parts or not step["rule"] or not step["source"]:
            return "a step's part, rule or source"
        parts[step["part"]] += signed_fen(step["amount"])
    told = {"deductible": answer["deductible"], "person": answer["person"], **answer["paid"]}
    for part, amount in told.items():
        if parts[part] != fen(amount):
            return "steps of " + part
    fund, person = fen(answer["fund"]), fen(answer["person"])
    if fund != sum(parts[layer] for layer in answer["paid"]) or fund + person != fen(case["fees"]["total"]):
        return "the sum"
    if answer["decision"] != "paid" and (not answer["reason"] or len(answer["steps"]) != 1):
        return "reason or steps"
    return None


def show(batch, line, expected, got, why):
    def plain(value):
        return json.dumps(value, ensure_ascii=False, default=sorted)
    print("DIFFERENT in %s: %s %s\n  world    %s\n  case     %s\n  expected %s\n  got      %s" % (
        why, batch.kind, batch.city, plain(batch.given), line, plain(expected), plain(got)))


if __name__ == "__main__":
    sys.exit(main())
