#!/usr/bin/python3
"""Receive what another agency is granted of a Tongchou settlement, and keep each event exactly once in SQLite.

Debian: apt install python3-zmq python3-protobuf protobuf-compiler
        protoc --proto_path=DIR-OF-agency.proto --python_out=. agency.proto     (makes agency_pb2.py)
        ./subscriber.py tcp://HOST:7804 --server-key='KEY' --key finance.key --books finance.db   (a KEY may begin with -)

Events and the position behind them are written in one transaction: killed at any point and started again, it goes on
where it was. The protocol: docs/events.md.
"""
import argparse
import sqlite3
import sys
import time

import zmq
from google.protobuf.json_format import MessageToJson

import agency_pb2 as door

CREDIT = 1000          # events that may be on their way to us
SILENCE_MS = 10_000    # the door beats every 2 s: after so long it is not there, or does not let us in
MESSAGES = {"posting": door.Entry}  # what an event says, by the first word of its topic


def open_books(path):
    books = sqlite3.connect(path, isolation_level=None)
    books.execute("CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY CHECK (one = 1), position BLOB)")
    books.execute("CREATE TABLE IF NOT EXISTS event (partition INTEGER, number INTEGER, topic TEXT, at_ms INTEGER,"
                  " body TEXT, PRIMARY KEY (partition, number))")
    return books


def say(socket, **word):
    socket.send(door.ToDoor(**word).SerializeToString())


def enter(context, options, books):
    """A fresh connection that goes on behind what is in the books."""
    with open(options.key, encoding="ascii") as file:
        secret = file.read().strip().encode()
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.curve_secretkey = secret
    socket.curve_publickey = zmq.curve_public(secret)
    socket.curve_serverkey = options.server_key.encode()
    socket.connect(options.address)
    hello = door.Hello(version=1, credit=CREDIT, topics=options.topics)
    place = books.execute("SELECT position FROM place").fetchone()
    if place:
        hello.after.ParseFromString(place[0])
    say(socket, hello=hello)
    return socket


def keep(books, events, position):
    books.execute("BEGIN IMMEDIATE")
    for event in events:
        kind = MESSAGES.get(event.topic.split(".")[0])
        body = MessageToJson(kind.FromString(event.body), True, True, 0) if kind else None
        books.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?)",
                      (event.partition, event.number, event.topic, event.at_ms, body))
    books.execute("INSERT OR REPLACE INTO place VALUES (1, ?)", (position.SerializeToString(),))
    books.execute("COMMIT")


def reached(position, head):
    return head is not None and all(at >= end for at, end in zip(position.number, head.number))


def follow(socket, books, options):
    """Take events until the session ends. True: we have what was asked for."""
    head = None
    while socket.poll(SILENCE_MS):
        message = door.FromDoor.FromString(socket.recv())
        kind = message.WhichOneof("message")
        if kind == "welcome":
            head = head or message.welcome.head
            print("welcome", message.welcome.name, file=sys.stderr)
        elif kind == "events":
            keep(books, message.events.event, message.events.position)
            say(socket, credit=door.Credit(events=len(message.events.event)))
        elif kind == "beat":
            keep(books, [], message.beat.position)
        elif kind == "revoked":
            sys.exit(f"revoked: {message.revoked.text}")
        elif kind == "refused":
            reason = door.Refused.Reason.Name(message.refused.reason)
            if reason not in ("NO_HELLO", "BUSY"):
                sys.exit(f"refused: {reason}: {message.refused.text}")
            return False
        if options.until_now and kind in ("events", "beat") and reached(getattr(message, kind).position, head):
            return True
    print("nothing heard: the door is closed, or does not know this key", file=sys.stderr)
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("--server-key", required=True)
    parser.add_argument("--key", required=True, help="file of our own secret key")
    parser.add_argument("--books", default="events.db")
    parser.add_argument("--topics", nargs="*", default=[], help="of the granted ones; none: all")
    parser.add_argument("--until-now", action="store_true", help="stop at the end of the log as it is now")
    options = parser.parse_args()
    books = open_books(options.books)
    context = zmq.Context()
    while True:
        with enter(context, options, books) as socket:
            if follow(socket, books, options):
                return
        time.sleep(1)


if __name__ == "__main__":
    main()
