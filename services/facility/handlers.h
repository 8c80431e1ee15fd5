// The facility register as a service: its methods and its life. Its state is its context, so `self` is the
// service_ctx_t.
#pragma once
#include "common/daemon/service.h"

extern const service_t facility_service;
