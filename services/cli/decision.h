// A decision as a person reads it (一单): fee → scope → deductible → each layer → cash.
#pragma once
#include "adjudication.pb-c.h"

// Steps carry sentences and articles only where adjudication was asked to explain; without them the rule IDs stand
// alone.
void decision_print(const Tc__Decision *decision);
