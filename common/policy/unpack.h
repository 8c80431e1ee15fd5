// Inside policy_unpack(): the message to flat arrays, section by section. Nothing in the message is believed: every
// index, code, amount and date is checked before an array holds it. The helpers give 0 or a code with the sentence set.
#pragma once
#include "policy.pb-c.h"
#include "tables.h"

typedef struct unpacker {
    policy_t *policy;
    const Tc__PolicyTables *message;
    err_t *err;
} unpacker_t;

int unpack_bad(const unpacker_t *r, const char *what);             // E_POLICY "the packed policy is damaged: …"
void *unpack_take(const unpacker_t *r, size_t count, size_t size); // zeroed, lives as long as the policy; NULL
int unpack_no_memory(const unpacker_t *r);

int unpack_rule(const unpacker_t *r, uint32_t index, const char **to);
int unpack_when(const unpacker_t *r, const Tc__PolicyWhen *from, when_t *to);
// `also` is the one fact (REF_BORNE, REF_WAGE) that may stand in this place. An absent reference is REF_NONE.
int unpack_ref(const unpacker_t *r, const Tc__PolicyRef *from, unit_t unit, ref_kind_t also, ref_t *to);

typedef enum row_content { ROW_AMOUNT, ROW_AMOUNT_OR_NONE, ROW_SLICES, ROW_PAYER, ROW_RULE } row_content_t;
int unpack_table(const unpacker_t *r, Tc__PolicyRow **from, size_t count, row_content_t content, unit_t unit,
                 table_t *to);
int unpack_derived(const unpacker_t *r, const Tc__PolicyDerived *from, row_content_t content, ref_kind_t also,
                   derived_t *to);
// What values_table_of() of the loader made; absent: no rows.
int unpack_values(const unpacker_t *r, const Tc__PolicyDerived *from, unit_t unit, derived_t *to);

int unpack_benefit(const unpacker_t *r);
int unpack_bases(const unpacker_t *r, const Tc__PolicyContribution *from);
// Each sets its member of `policy` when the message has the section.
#define X(section) int unpack_##section(const unpacker_t *r);
SECTION_TABLE(X)
#undef X
