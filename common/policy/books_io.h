// Inside the compiler of policies: `books` of the section `fund`, from the file and from the message. Funds, accounts
// and movements are read before.
#pragma once
#include "fund.h"
#include "loader.h"
#include "unpack.h"
#include <string.h>

void load_books(loader_t *l, const yaml_node_t *section, Tc__PolicyFund *to);
int unpack_books(const unpacker_t *r, const Tc__PolicyFund *from, fund_rules_t *to) MUST_USE;
