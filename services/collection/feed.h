// Enrolment's stream into collection's own copies: person.changed and employer.changed, each effect once, and the
// entitlement of every person touched in the same transaction.
#pragma once
#include "renew.h"

// `env` is borrowed and must outlive the consumer.
consumer_effect_t feed_effect(renew_env_t *env);
