// An entry of the journal as an agency may see it (proto/agency.proto, Entry). Only what is named here leaves the
// house: a field that the journal gains later stays inside until somebody decides about it.
//
// A line is theirs when its county and its fund are. A line without a county (or fund) goes with the whole entry: it is
// theirs when all counties (funds) of the entry are, and it has one. An entry of which no line is theirs is not theirs;
// one without lines belongs to those who may see all counties and all funds. Amounts of the whole are told with the
// whole only.
#pragma once
#include "common/base/arena.h"
#include "grants.h"
#include <protobuf-c/protobuf-c.h>

const char *agency_entry_kind(const ProtobufCMessage *journal_entry);
int agency_entry(const grant_t *grant, const ProtobufCMessage *journal_entry, arena_t *arena, ProtobufCMessage **out,
                 err_t *err) MUST_USE;
