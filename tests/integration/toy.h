// The smallest service: named tallies that clerks add to and read, each change an event. For service_test.c.
#pragma once
#include "common/daemon/service.h"

// add(name, amount): adds and gives the new total; a name that begins with "bad" is refused after a look at the store.
// get(name): the total.
extern const service_t toy_service;
