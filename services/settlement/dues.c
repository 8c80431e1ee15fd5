// Each step makes items, and an item adds itself to its part: so a part's figures are the sums of its items by
// construction, and what is checked at the end is the arithmetic of pay.
#include "dues.h"
#include <stdlib.h>
#include <string.h>

const char *dues_item_name(dues_item_kind_t kind) {
    static const char *const names[] = {
#define X(code, name) name,
        DUES_ITEM_TABLE(X)
#undef X
    };
    CHECK((size_t)kind < sizeof names / sizeof *names);
    return names[kind];
}

int dues_key_compare(const dues_key_t *a, const dues_key_t *b) {
    int order = strcmp(a->fund, b->fund);
    if (!order) order = strcmp(a->county, b->county);
    if (!order) order = strcmp(a->layer, b->layer);
    return order ? order : (a->year > b->year) - (a->year < b->year);
}

static int overflows(err_t *err) { return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow"); }

// ---- parts and items

// Parts stay in order, so that the same facts make the same sheet.
static int find_part(dues_sheet_t *sheet, const dues_key_t *key, dues_part_t **out, err_t *err) {
    size_t at = 0;
    while (at < sheet->part_count && dues_key_compare(&sheet->parts[at].key, key) < 0) at++;
    *out = &sheet->parts[at];
    if (at < sheet->part_count && dues_key_compare(&sheet->parts[at].key, key) == 0) return 0;
    if (sheet->part_count == DUES_PARTS_MAX)
        return err_set(err, E_TOO_LARGE, "more than %d parts of layer, fund, county and year", DUES_PARTS_MAX);
    memmove(*out + 1, *out, (sheet->part_count - at) * sizeof **out);
    sheet->part_count++;
    **out = (dues_part_t){.key = *key};
    return 0;
}

static int item_room(dues_sheet_t *sheet, arena_t *arena, err_t *err) {
    if (sheet->item_count < sheet->item_room) return 0;
    if (sheet->item_count >= DUES_ITEMS_MAX) return err_set(err, E_TOO_LARGE, "more than %d items", DUES_ITEMS_MAX);
    const size_t room = sheet->item_room ? sheet->item_room * 2 : 64;
    dues_item_t *items = arena_alloc(arena, room * sizeof *items);
    if (!items) return err_set(err, E_IO, "out of memory for a statement");
    if (sheet->item_count) memcpy(items, sheet->items, sheet->item_count * sizeof *items);
    sheet->items = items;
    sheet->item_room = room;
    return 0;
}

typedef struct drawing {
    const dues_input_t *in;
    arena_t *arena;
    dues_sheet_t *sheet;
    err_t *err;
} drawing_t;

static int add_item(drawing_t *d, dues_item_kind_t kind, const char *reference, dues_key_t key, fen_t amount) {
    dues_part_t *part;
    if (amount == 0) return 0;
    int rc = find_part(d->sheet, &key, &part, d->err);
    if (!rc) rc = item_room(d->sheet, d->arena, d->err);
    if (rc) return rc;
    if (fen_add(part->of[kind], amount, &part->of[kind])) return overflows(d->err);
    d->sheet->items[d->sheet->item_count++] =
        (dues_item_t){.kind = kind, .reference = reference, .key = part->key, .amount = amount};
    return 0;
}

// bills + brought − held − recovered + released + clearing, before anything is carried.
static int net_of(const dues_part_t *part, fen_t *out, err_t *err) {
    fen_t net = 0;
    int rc = fen_add(part->bills, part->of[DUES_BROUGHT], &net);
    if (!rc) rc = fen_sub(net, part->of[DUES_HELD], &net);
    if (!rc) rc = fen_sub(net, part->of[DUES_RECOVERED], &net);
    if (!rc) rc = fen_add(net, part->of[DUES_RELEASED], &net);
    if (!rc) rc = fen_add(net, part->of[DUES_ADDED], &net);
    *out = net;
    return rc ? overflows(err) : 0;
}

static int add_bills(drawing_t *d) {
    for (size_t i = 0; i < d->in->bills.count; i++) {
        const dues_amount_t *bill = &d->in->bills.amounts[i];
        dues_part_t *part;
        int rc = find_part(d->sheet, &bill->key, &part, d->err);
        if (rc) return rc;
        part->lines += bill->lines;
        if (fen_add(part->bills, bill->amount, &part->bills)) return overflows(d->err);
    }
    return 0;
}

static int add_brought(drawing_t *d) {
    int rc = 0;
    for (size_t i = 0; i < d->in->brought.count && !rc; i++)
        rc = add_item(d, DUES_BROUGHT, d->in->brought_from, d->in->brought.amounts[i].key,
                      d->in->brought.amounts[i].amount);
    return rc;
}

// ---- recoveries

static fen_t amount_at(const dues_list_t *list, const dues_key_t *key) {
    for (size_t i = 0; i < list->count; i++)
        if (dues_key_compare(&list->amounts[i].key, key) == 0) return list->amounts[i].amount;
    return 0;
}

// How much of a bill should be taken back altogether, part by part: at most what its lines say was paid.
static int split_recovery(const dues_recovery_t *r, fen_t *target, int64_t *weights, err_t *err) {
    fen_t paid = 0;
    for (size_t i = 0; i < r->paid.count; i++) {
        target[i] = 0;
        weights[i] = fen_max(r->paid.amounts[i].amount, 0);
        if (fen_add(paid, weights[i], &paid)) return overflows(err);
    }
    if (paid == 0 || r->decided <= 0) return 0;
    return fen_split(fen_min(r->decided, paid), weights, r->paid.count, target) ? overflows(err) : 0;
}

static int take_back(drawing_t *d, const dues_recovery_t *r) {
    fen_t target[DUES_PARTS_MAX], change;
    int64_t weights[DUES_PARTS_MAX];
    if (r->paid.count > DUES_PARTS_MAX || r->taken.count > DUES_PARTS_MAX)
        return err_set(d->err, E_TOO_LARGE, "bill %s has too many parts", r->bill);
    int rc = split_recovery(r, target, weights, d->err);
    for (size_t i = 0; i < r->paid.count && !rc; i++) {
        if (fen_sub(target[i], amount_at(&r->taken, &r->paid.amounts[i].key), &change)) return overflows(d->err);
        rc = add_item(d, DUES_RECOVERED, r->bill, r->paid.amounts[i].key, change);
    }
    return rc; // every part that was taken from has a line of the bill, so none is forgotten
}

// ---- held, released, cleared

static int hold_back(drawing_t *d) {
    int rc = 0;
    for (size_t i = 0; i < d->sheet->part_count && !rc; i++) {
        const dues_part_t *part = &d->sheet->parts[i];
        fen_t base, held;
        if (fen_sub(part->bills, part->of[DUES_RECOVERED], &base) || fen_rate(base, d->in->hold, &held))
            return overflows(d->err);
        rc = add_item(d, DUES_HELD, d->in->hold_reference, part->key, held);
    }
    return rc;
}

static int release(drawing_t *d, const dues_claim_t *claim) {
    int rc = 0;
    for (size_t i = 0; i < claim->held.count && !rc; i++) {
        const dues_amount_t *held = &claim->held.amounts[i];
        fen_t released, rest;
        if (fen_rate(held->amount, claim->share, &released) || fen_sub(held->amount, released, &rest))
            return overflows(d->err);
        rc = add_item(d, DUES_RELEASED, claim->held_reference, held->key, released);
        if (!rc) rc = add_item(d, DUES_FORFEITED, claim->held_reference, held->key, rest);
    }
    return rc;
}

// Over the parts of the claim's fund and layer by what they are worth; one without county where none is worth anything.
static int spread(drawing_t *d, const dues_claim_t *claim, dues_item_kind_t kind, const char *reference, fen_t amount) {
    int64_t weights[DUES_PARTS_MAX];
    fen_t shares[DUES_PARTS_MAX], worth = 0, net;
    dues_key_t keys[DUES_PARTS_MAX];
    size_t count = 0;
    int rc = 0;
    for (size_t i = 0; i < d->sheet->part_count; i++) {
        const dues_part_t *part = &d->sheet->parts[i];
        if (strcmp(part->key.fund, claim->fund) != 0 || strcmp(part->key.layer, claim->layer) != 0) continue;
        rc = net_of(part, &net, d->err);
        if (rc) return rc;
        keys[count] = part->key;
        weights[count] = fen_max(net, 0);
        if (fen_add(worth, weights[count++], &worth)) return overflows(d->err);
    }
    if (worth == 0)
        return add_item(d, kind, reference, (dues_key_t){claim->layer, claim->fund, "", d->in->year}, amount);
    if (amount == INT64_MIN || fen_split(amount < 0 ? -amount : amount, weights, count, shares))
        return overflows(d->err);
    for (size_t i = 0; i < count && !rc; i++)
        rc = add_item(d, kind, reference, keys[i], amount < 0 ? -shares[i] : shares[i]);
    return rc;
}

static int answer_claims(drawing_t *d, dues_claim_kind_t kind) {
    int rc = 0;
    for (size_t i = 0; i < d->in->claim_count && !rc; i++) {
        const dues_claim_t *claim = &d->in->claims[i];
        if (claim->kind != kind) continue;
        if (kind == DUES_EVALUATION) {
            rc = release(d, claim);
            continue;
        }
        rc = spread(d, claim, DUES_ADDED, claim->reference, claim->amount);
        if (!rc) rc = spread(d, claim, DUES_HELD, claim->held_reference, claim->hold);
    }
    return rc;
}

// ---- the end of the sheet

static bool same_group(const dues_part_t *a, const dues_part_t *b) {
    return strcmp(a->key.fund, b->key.fund) == 0 && strcmp(a->key.county, b->key.county) == 0;
}

// The parts are in order of fund and county.
static int carry(drawing_t *d) {
    const size_t count = d->sheet->part_count;
    dues_part_t *const parts = d->sheet->parts;
    int rc = 0;
    for (size_t first = 0, end; first < count && !rc; first = end) {
        fen_t sum = 0, net;
        for (end = first; end < count && same_group(&parts[first], &parts[end]) && !rc; end++) {
            rc = net_of(&parts[end], &parts[end].pay, d->err);
            if (!rc && fen_add(sum, parts[end].pay, &sum)) return overflows(d->err);
        }
        if (sum >= 0) continue;
        for (size_t i = first; i < end && !rc; i++) {
            net = parts[i].pay;
            parts[i].pay = 0;
            rc = add_item(d, DUES_CARRIED, "", parts[i].key, net);
        }
    }
    return rc;
}

fen_t dues_residue(const dues_part_t *part) {
    const wide_t said = (wide_t)part->bills + part->of[DUES_BROUGHT] - part->of[DUES_HELD] - part->of[DUES_RECOVERED] +
                        part->of[DUES_RELEASED] + part->of[DUES_ADDED] - part->of[DUES_CARRIED];
    const wide_t residue = part->pay - said;
    return residue > INT64_MAX ? INT64_MAX : residue < INT64_MIN ? INT64_MIN : (fen_t)residue;
}

static int add_up(drawing_t *d) {
    dues_part_t *total = &d->sheet->total;
    int rc = 0;
    *total = (dues_part_t){.key = {"", "", "", 0}};
    for (size_t i = 0; i < d->sheet->part_count && !rc; i++) {
        const dues_part_t *part = &d->sheet->parts[i];
        CHECK(dues_residue(part) == 0);
        total->lines += part->lines;
        rc = fen_add(total->bills, part->bills, &total->bills);
        for (int k = 0; k < DUES_ITEM__COUNT && !rc; k++) rc = fen_add(total->of[k], part->of[k], &total->of[k]);
        if (!rc) rc = fen_add(total->pay, part->pay, &total->pay);
    }
    if (rc) return overflows(d->err);
    CHECK(dues_residue(total) == 0);
    return 0;
}

int dues_draw(const dues_input_t *in, arena_t *arena, dues_sheet_t *out, err_t *err) {
    drawing_t d = {in, arena, out, err};
    *out = (dues_sheet_t){0};
    if (in->recovery_count > DUES_RECOVERIES_MAX || in->claim_count > DUES_CLAIMS_MAX)
        return err_set(err, E_TOO_LARGE, "more than %d recoveries or %d claims", DUES_RECOVERIES_MAX, DUES_CLAIMS_MAX);
    int rc = add_bills(&d);
    if (!rc) rc = add_brought(&d);
    for (size_t i = 0; i < in->recovery_count && !rc; i++) rc = take_back(&d, &in->recoveries[i]);
    if (!rc) rc = hold_back(&d);
    if (!rc) rc = answer_claims(&d, DUES_EVALUATION);
    if (!rc) rc = answer_claims(&d, DUES_CLEARING);
    if (!rc) rc = carry(&d);
    return rc ? rc : add_up(&d);
}
