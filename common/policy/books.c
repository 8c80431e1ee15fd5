// What the ledger books where. From the file every item and layer has exactly one row for each identity (and payer) of
// the city, so that no event is left without a fund; from the message only places and bits are checked, and what no row
// fits has none.
#include "books_io.h"
#include "words.h"

enum { ALL_IDENTITIES = (1 << IDENTITY__COUNT) - 1, ALL_PAYERS = (1 << PAYER__COUNT) - 1 };

// ---- asking

bool account_keeps_money(account_kind_t kind) { return kind != ACCOUNT_OWN_MONEY && kind != ACCOUNT_OUTSIDE; }

// Who has no such place is meant only where all are.
static bool is_of(uint32_t bits, int place, uint32_t all) { return place < 0 ? bits == all : bits >> place & 1; }

static bool has_word(const fund_book_t *book, const char *word) {
    for (uint32_t i = 0; i < book->word_count; i++)
        if (strcmp(book->words[i], word) == 0) return true;
    return false;
}

const fund_book_t *book_of_contribution(const fund_books_t *books, const char *item, const char *identity,
                                        const char *payer) {
    const int who = identity_from_name(identity), pays = payer_from_name(payer);
    for (uint32_t i = 0; i < books->contribution_count; i++) {
        const fund_book_t *book = &books->contributions[i];
        if (is_of(book->identities, who, ALL_IDENTITIES) && is_of(book->payers, pays, ALL_PAYERS) &&
            has_word(book, item))
            return book;
    }
    return NULL;
}

const fund_book_t *book_of_benefit(const fund_books_t *books, const char *layer, const char *identity) {
    const int who = identity_from_name(identity);
    for (uint32_t i = 0; i < books->benefit_count; i++)
        if (is_of(books->benefits[i].identities, who, ALL_IDENTITIES) && has_word(&books->benefits[i], layer))
            return &books->benefits[i];
    return NULL;
}

const fund_allotment_t *allotment_named(const fund_books_t *books, const char *name) {
    for (uint32_t i = 0; i < books->allotment_count; i++)
        if (strcmp(books->allotments[i].name, name) == 0) return &books->allotments[i];
    return NULL;
}

// ---- from the file

typedef struct reader {
    loader_t *l;
    const Tc__PolicyFund *fund;
    Tc__PolicyFundBooks *to;
} reader_t;

static const Tc__PolicyFundItem *item_named(Tc__PolicyFundItem *const *items, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(items[i]->name, name) == 0) return items[i];
    return NULL;
}

// A fund of the pool; with `others` also one that is not. `apart` (may be NULL) gets whether the pool's accounts do not
// carry it.
static char *fund_of(const reader_t *r, const yaml_node_t *node, bool others, bool *apart) {
    const char *name = text_of(r->l, node);
    const Tc__PolicyFundItem *own = item_named(r->fund->funds, r->fund->n_funds, name);
    const bool foreign = others && item_named(r->to->others, r->to->n_others, name);
    if (node && !r->l->rc && !own && !foreign) fail(r->l, node, "there is no fund %.40s here", name);
    if (apart) *apart = own ? own->apart : true;
    return unconst(name);
}

static int32_t account_of(const reader_t *r, const yaml_node_t *node) {
    const char *name = text_of(r->l, node);
    for (size_t i = 0; i < r->fund->n_accounts && !r->l->rc; i++)
        if (strcmp(r->fund->accounts[i]->name, name) == 0) return (int32_t)i;
    if (node) fail(r->l, node, "there is no account %.40s in `accounts`", name);
    return 0;
}

static bool keeps_money(const reader_t *r, int32_t account) {
    return account_keeps_money((account_kind_t)r->fund->accounts[account]->kind);
}

static bool moves(const Tc__PolicyFundMovement *m, int32_t from, int32_t to) {
    return m->from_accounts >> from & 1 && m->to_accounts >> to & 1;
}

// Something that is no account of the fund may pay into this one.
static bool takes_in(const reader_t *r, int32_t account) {
    for (size_t i = 0; i < r->fund->n_movements; i++)
        for (int32_t from = 0; from < (int32_t)r->fund->n_accounts; from++)
            if (!keeps_money(r, from) && !r->fund->movements[i]->refused && moves(r->fund->movements[i], from, account))
                return true;
    return false;
}

static int32_t income_of(const reader_t *r, const yaml_node_t *node, bool apart) {
    const int32_t account = account_of(r, node);
    if (!node || r->l->rc) return 0;
    if (apart && keeps_money(r, account))
        fail(r->l, node, "money apart from the pool comes into none of its accounts");
    else if (!apart && (!keeps_money(r, account) || !takes_in(r, account)))
        fail(r->l, node, "none of `movements` brings money into %.40s", r->fund->accounts[account]->name);
    return account;
}

static uint32_t payers_of(loader_t *l, const yaml_node_t *list) {
    uint32_t bits = 0;
    if (!is_list(l, list)) return 0;
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        const int payer = payer_from_name(text_of(l, node));
        if (payer < 0) fail(l, list, "%.40s is none of %s", text_of(l, node), payer_names());
        bits |= payer < 0 ? 0 : 1u << payer;
    }
    if (!bits) fail(l, list, "names nobody");
    return bits;
}

static bool is_item(const loader_t *l, const char *word) {
    const Tc__PolicyContribution *c = l->out->contribution;
    for (size_t i = 0; c && i < c->n_monthly; i++)
        if (strcmp(c->monthly[i]->item, word) == 0) return true;
    for (size_t i = 0; c && i < c->n_yearly; i++)
        if (strcmp(c->yearly[i]->item, word) == 0) return true;
    return false;
}

static bool is_layer(const loader_t *l, const char *word) {
    for (size_t i = 0; i < l->out->n_layers; i++)
        if (strcmp(l->out->layers[i]->name, word) == 0) return true;
    return false;
}

static void load_words(const reader_t *r, const yaml_node_t *list, bool items, Tc__PolicyFundBook *to) {
    loader_t *l = r->l;
    if (!is_list(l, list)) return;
    if (list->count == 0 || list->count > BOOK_WORDS_MAX) fail(l, list, "expected 1 to %d", BOOK_WORDS_MAX);
    to->words = take(l, list->count, sizeof *to->words);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        const char *word = text_of(l, node);
        if (!l->rc && !(items ? is_item(l, word) : is_layer(l, word)))
            fail(l, list, "%.40s is no %s of this city", word, items ? "item of a contribution" : "layer");
        to->words[to->n_words++] = unconst(word);
    }
}

static Tc__PolicyFundBook *book_of(const reader_t *r, const yaml_node_t *node, bool items) {
    static const char *const item_keys[] = {"items", "identities", "payers", "fund", "into", "rule", NULL};
    static const char *const layer_keys[] = {"layers", "identities", "fund", "rule", NULL};
    loader_t *l = r->l;
    Tc__PolicyFundBook *to = take(l, 1, sizeof *to);
    bool apart = false;
    if (!to) return NULL;
    *to = (Tc__PolicyFundBook)TC__POLICY_FUND_BOOK__INIT;
    only(l, node, items ? item_keys : layer_keys);
    to->rule = rule_of(l, node);
    load_words(r, need(l, node, items ? "items" : "layers"), items, to);
    const yaml_node_t *identities = may(l, node, "identities"), *payers = items ? may(l, node, "payers") : NULL;
    to->identities = identities ? identities_of(l, identities) : ALL_IDENTITIES;
    to->payers = payers ? payers_of(l, payers) : items ? ALL_PAYERS : 0;
    to->fund = fund_of(r, need(l, node, "fund"), true, &apart);
    to->account = items ? income_of(r, need(l, node, "into"), apart) : -1;
    l->rule = NULL;
    return to;
}

static size_t load_rows(const reader_t *r, const yaml_node_t *list, bool items, Tc__PolicyFundBook ***out) {
    loader_t *l = r->l;
    size_t count = 0;
    if (!list || !is_list(l, list)) return 0;
    if (list->count == 0 || list->count > FUND_BOOKS_MAX) fail(l, list, "expected 1 to %d rows", FUND_BOOKS_MAX);
    Tc__PolicyFundBook **rows = *out = take(l, list->count, sizeof *rows);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next)
        rows[count++] = book_of(r, node, items);
    return l->rc ? 0 : count;
}

// ---- exactly one row

static bool names(const Tc__PolicyFundBook *row, const char *word) {
    for (size_t i = 0; i < row->n_words; i++)
        if (strcmp(row->words[i], word) == 0) return true;
    return false;
}

static void check_word(const reader_t *r, const yaml_node_t *list, Tc__PolicyFundBook *const *rows, size_t count,
                       const char *word, bool items) {
    for (int identity = 0; identity < IDENTITY__COUNT && !r->l->rc; identity++) {
        if (!(r->l->out->identities >> identity & 1)) continue;
        for (int payer = 0; payer < (items ? PAYER__COUNT : 1) && !r->l->rc; payer++) {
            size_t fit = 0;
            for (size_t i = 0; i < count; i++)
                fit += names(rows[i], word) && rows[i]->identities >> identity & 1 &&
                       (!items || rows[i]->payers >> payer & 1);
            if (fit != 1)
                fail(r->l, list, "%.40s of %s%s%s has %zu funds, one was expected", word, identity_name(identity),
                     items ? " by " : "", items ? payer_name(payer) : "", fit);
        }
    }
}

static void check_rows_of(const reader_t *r, const yaml_node_t *section) {
    const Tc__PolicyContribution *c = r->l->out->contribution;
    const yaml_node_t *items = may(r->l, section, "contributions"), *layers = may(r->l, section, "benefits");
    for (size_t i = 0; c && i < c->n_monthly; i++)
        check_word(r, items ? items : section, r->to->contributions, r->to->n_contributions, c->monthly[i]->item, true);
    for (size_t i = 0; c && i < c->n_yearly; i++)
        check_word(r, items ? items : section, r->to->contributions, r->to->n_contributions, c->yearly[i]->item, true);
    for (size_t i = 0; i < r->l->out->n_layers; i++)
        check_word(r, layers ? layers : section, r->to->benefits, r->to->n_benefits, r->l->out->layers[i]->name, false);
}

// ---- the rest

static void load_others(const reader_t *r, const yaml_node_t *map) {
    static const char *const keys[] = {"name", "rule", NULL};
    loader_t *l = r->l;
    if (!map || !is_map(l, map)) return;
    if (map->count > FUNDS_MAX) fail(l, map, "expected at most %d", FUNDS_MAX);
    r->to->others = take(l, map->count, sizeof *r->to->others);
    for (const yaml_node_t *node = map->first; node && !l->rc; node = node->next) {
        Tc__PolicyFundItem *item = take(l, 1, sizeof *item);
        if (!item) return;
        *item = (Tc__PolicyFundItem)TC__POLICY_FUND_ITEM__INIT;
        only(l, node, keys);
        item->rule = rule_of(l, node);
        item->name = unconst(node->key);
        item->name_zh = unconst(text_of(l, need(l, node, "name")));
        item->apart = true;
        if (!l->rc && (strlen(node->key) > 32 || item_named(r->fund->funds, r->fund->n_funds, node->key)))
            fail(l, node, "is too long, or a fund of the pool");
        r->to->others[r->to->n_others++] = item;
        l->rule = NULL;
    }
}

static void load_allotments(const reader_t *r, const yaml_node_t *map) {
    static const char *const keys[] = {"out_of", "into", "rule", NULL};
    loader_t *l = r->l;
    if (!map || !is_map(l, map)) return;
    if (map->count > FUND_ALLOTMENTS_MAX) fail(l, map, "expected at most %d", FUND_ALLOTMENTS_MAX);
    r->to->allotments = take(l, map->count, sizeof *r->to->allotments);
    for (const yaml_node_t *node = map->first; node && !l->rc; node = node->next) {
        Tc__PolicyFundAllotment *to = take(l, 1, sizeof *to);
        if (!to) return;
        *to = (Tc__PolicyFundAllotment)TC__POLICY_FUND_ALLOTMENT__INIT;
        only(l, node, keys);
        to->rule = rule_of(l, node);
        to->name = unconst(node->key);
        to->out_of = fund_of(r, need(l, node, "out_of"), false, NULL);
        to->into = fund_of(r, need(l, node, "into"), false, NULL);
        if (!l->rc &&
            (strlen(to->name) > 32 || strspn(to->name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(to->name)))
            fail(l, node, "a name has 1 to 32 of a-z 0-9 _");
        if (!l->rc && strcmp(to->out_of, to->into) == 0) fail(l, node, "stays in its fund");
        r->to->allotments[r->to->n_allotments++] = to;
        l->rule = NULL;
    }
}

static void load_personal(const reader_t *r, const yaml_node_t *section) {
    static const char *const keys[] = {"fund", "from", "rule", NULL};
    loader_t *l = r->l;
    const yaml_node_t *map = may(l, section, "personal");
    r->to->personal_fund = r->to->personal_from = unconst("");
    if (!l->rc && (map != NULL) != (l->out->account != NULL))
        fail(l, map ? map : section, "personal belongs to the section account");
    if (!map || l->rc) return;
    only(l, map, keys);
    r->to->personal_rule = rule_of(l, map);
    r->to->personal_fund = fund_of(r, need(l, map, "fund"), false, NULL);
    r->to->personal_from = fund_of(r, need(l, map, "from"), false, NULL);
    l->rule = NULL;
}

static void load_places(const reader_t *r, const yaml_node_t *section) {
    static const char *const held_keys[] = {"into", "rule", NULL}, *const pays_keys[] = {"from", "to", "rule", NULL};
    loader_t *l = r->l;
    const yaml_node_t *held = need(l, section, "held"), *pays = need(l, section, "pays");
    if (l->rc) return;
    only(l, held, held_keys);
    r->to->held_rule = rule_of(l, held);
    r->to->held_account = income_of(r, need(l, held, "into"), false);
    only(l, pays, pays_keys);
    r->to->pays_rule = rule_of(l, pays);
    r->to->pays_from = account_of(r, need(l, pays, "from"));
    r->to->pays_to = account_of(r, need(l, pays, "to"));
    if (l->rc) return;
    bool allowed = false;
    for (size_t i = 0; i < r->fund->n_movements && !allowed; i++)
        allowed = !r->fund->movements[i]->refused && moves(r->fund->movements[i], r->to->pays_from, r->to->pays_to);
    if (!allowed || !keeps_money(r, r->to->pays_from) || keeps_money(r, r->to->pays_to))
        fail(l, pays, "none of `movements` pays from %.40s to %.40s", r->fund->accounts[r->to->pays_from]->name,
             r->fund->accounts[r->to->pays_to]->name);
    l->rule = NULL;
}

void load_books(loader_t *l, const yaml_node_t *section, Tc__PolicyFund *fund) {
    static const char *const keys[] = {"contributions", "benefits", "others", "allotments",
                                       "personal",      "held",     "pays",   NULL};
    const yaml_node_t *map = may(l, section, "books");
    if (!map || l->rc) return;
    Tc__PolicyFundBooks *to = take(l, 1, sizeof *to);
    if (!to) return;
    *to = (Tc__PolicyFundBooks)TC__POLICY_FUND_BOOKS__INIT;
    const reader_t r = {l, fund, to};
    only(l, map, keys);
    load_others(&r, may(l, map, "others"));
    to->n_contributions = load_rows(&r, may(l, map, "contributions"), true, &to->contributions);
    to->n_benefits = load_rows(&r, may(l, map, "benefits"), false, &to->benefits);
    if (!l->rc) check_rows_of(&r, map);
    load_allotments(&r, may(l, map, "allotments"));
    load_personal(&r, map);
    load_places(&r, map);
    fund->books = to;
}

// ---- from the message

static bool place_sane(int32_t place, uint32_t count) { return place >= 0 && (uint32_t)place < count; }

static int read_book(const unpacker_t *r, const Tc__PolicyFundBook *from, bool items, const fund_rules_t *fund,
                     fund_book_t *to) {
    if (from->n_words > BOOK_WORDS_MAX || from->identities > ALL_IDENTITIES || from->payers > ALL_PAYERS ||
        (items ? !place_sane(from->account, fund->account_count) : from->account != -1))
        return unpack_bad(r, "a row of the books");
    *to = (fund_book_t){.words = (const char *const *)from->words,
                        .word_count = (uint32_t)from->n_words,
                        .identities = from->identities,
                        .payers = from->payers,
                        .fund = from->fund,
                        .account = (int8_t)from->account};
    return unpack_rule(r, from->rule, &to->rule);
}

static int read_books(const unpacker_t *r, Tc__PolicyFundBook *const *from, size_t count, bool items,
                      const fund_rules_t *fund, const fund_book_t **out, uint32_t *out_count) {
    if (count > FUND_BOOKS_MAX) return unpack_bad(r, "too many rows of the books");
    fund_book_t *books = unpack_take(r, count, sizeof *books);
    if (!books) return unpack_no_memory(r);
    int rc = E_OK;
    for (size_t i = 0; i < count && !rc; i++) rc = read_book(r, from[i], items, fund, &books[i]);
    *out = books;
    *out_count = (uint32_t)count;
    return rc;
}

static int read_others(const unpacker_t *r, const Tc__PolicyFundBooks *from, fund_books_t *to) {
    if (from->n_others > FUNDS_MAX || from->n_allotments > FUND_ALLOTMENTS_MAX)
        return unpack_bad(r, "too many others of the books");
    fund_item_t *others = unpack_take(r, from->n_others, sizeof *others);
    fund_allotment_t *allotments = unpack_take(r, from->n_allotments, sizeof *allotments);
    if (!others || !allotments) return unpack_no_memory(r);
    int rc = E_OK;
    for (size_t i = 0; i < from->n_others && !rc; i++) {
        others[i] = (fund_item_t){.name = from->others[i]->name, .name_zh = from->others[i]->name_zh, .apart = true};
        rc = unpack_rule(r, from->others[i]->rule, &others[i].rule);
    }
    for (size_t i = 0; i < from->n_allotments && !rc; i++) {
        const Tc__PolicyFundAllotment *a = from->allotments[i];
        allotments[i] = (fund_allotment_t){.name = a->name, .from = a->out_of, .to = a->into};
        rc = unpack_rule(r, a->rule, &allotments[i].rule);
    }
    to->others = others, to->other_count = (uint32_t)from->n_others;
    to->allotments = allotments, to->allotment_count = (uint32_t)from->n_allotments;
    return rc;
}

static int read_places(const unpacker_t *r, const Tc__PolicyFundBooks *from, const fund_rules_t *fund,
                       fund_books_t *to) {
    if (!place_sane(from->held_account, fund->account_count) || !place_sane(from->pays_from, fund->account_count) ||
        !place_sane(from->pays_to, fund->account_count))
        return unpack_bad(r, "an account of the books");
    to->held_account = (int8_t)from->held_account;
    to->pays_from = (int8_t)from->pays_from;
    to->pays_to = (int8_t)from->pays_to;
    to->personal_fund = from->personal_fund;
    to->personal_from = from->personal_from;
    int rc = unpack_rule(r, from->held_rule, &to->held_rule);
    if (!rc) rc = unpack_rule(r, from->pays_rule, &to->pays_rule);
    if (!rc && *from->personal_fund) rc = unpack_rule(r, from->personal_rule, &to->personal_rule);
    return rc;
}

int unpack_books(const unpacker_t *r, const Tc__PolicyFund *fund, fund_rules_t *to) {
    const Tc__PolicyFundBooks *from = fund->books;
    if (!from) return E_OK;
    fund_books_t *books = unpack_take(r, 1, sizeof *books);
    if (!books) return unpack_no_memory(r);
    int rc = read_books(r, from->contributions, from->n_contributions, true, to, &books->contributions,
                        &books->contribution_count);
    if (!rc) rc = read_books(r, from->benefits, from->n_benefits, false, to, &books->benefits, &books->benefit_count);
    if (!rc) rc = read_others(r, from, books);
    if (!rc) rc = read_places(r, from, to, books);
    if (!rc) to->books = books;
    return rc;
}
