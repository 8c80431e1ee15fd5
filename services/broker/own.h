// The broker's own service, "broker": who is there, and how it goes.
//   directory   DirectoryRequest → Directory       any registered role
//   status      Empty → BrokerStatus               admin, clerk, service
#pragma once
#include "dispatch.h"

// The reply in the arena, or a refusal.
int own_call(const dispatch_t *dispatch, const char *method, const char *caller, const void *body, size_t body_bytes,
             arena_t *arena, int64_t now_us, const ProtobufCMessage **out, err_t *err) MUST_USE;
