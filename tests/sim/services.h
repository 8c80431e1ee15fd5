// The services as the simulator and its auditor need them. Their own headers do not all go into one file: each is the
// whole inside of a process.
#pragma once
#include "common/daemon/service.h"

extern const service_t enrollment_service, facility_service, collection_service, adjudication_service,
    settlement_service;
