// Entitlement states of a chunk of persons from scratch, out of spells and bills. What differs from the stored state,
// or is missing, is written, told on the stream and cached as any change is (the sentence of the last reason alone is
// no difference: it also speaks of bills that are not due yet); what Redis holds otherwise than the store is put right.
// A second run finds nothing to do.
#pragma once
#include "renew.h"
#include "walk.h"

int rebuild_run(const renew_env_t *env, const walk_t *walk, Tc__RebuildRun **out, err_t *err) MUST_USE;
