// Section `statements`, from the file and from the message, and how it is asked. The form of a value is its kind: true
// or false, a date, a whole number, a list of words; anything else, and whatever is quoted, is a word.
#include "statements.h"
#include "loader.h"
#include "unpack.h"

enum { NAME_MAX_CHARS = 48 };

// ---- from the file

static bool is_number(const char *text) {
    return *text && strlen(text) <= 9 && strspn(text, "0123456789") == strlen(text);
}

static void read_words(loader_t *l, const yaml_node_t *list, Tc__PolicyStatement *to) {
    to->kind = STATEMENT_WORDS;
    if (list->count == 0 || list->count > STATEMENT_WORDS_MAX)
        fail(l, list, "between 1 and %d words", STATEMENT_WORDS_MAX);
    to->words = take(l, list->count, sizeof *to->words);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        const char *word = text_of(l, node);
        for (size_t i = 0; i < to->n_words; i++)
            if (strcmp(to->words[i], word) == 0) fail(l, list, "%.40s stands here twice", word);
        to->words[to->n_words++] = unconst(word);
    }
}

static void read_scalar(loader_t *l, const yaml_node_t *node, Tc__PolicyStatement *to) {
    const char *text = text_of(l, node);
    date_t date;
    if (l->rc) return;
    if (!node->quoted && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
        to->kind = STATEMENT_YES_NO;
        to->number = strcmp(text, "true") == 0;
    } else if (!node->quoted && date_parse(text, &date) == E_OK) {
        to->kind = STATEMENT_DATE;
        to->number = date;
    } else if (!node->quoted && is_number(text)) {
        to->kind = STATEMENT_NUMBER;
        to->number = strtoll(text, NULL, 10);
    } else {
        to->kind = STATEMENT_WORD;
        to->words = take(l, 1, sizeof *to->words);
        if (to->words) to->words[to->n_words++] = unconst(text);
    }
}

static Tc__PolicyStatement *statement_of(loader_t *l, const yaml_node_t *node) {
    static const char *const keys[] = {"value", "rule", NULL};
    Tc__PolicyStatement *to = take(l, 1, sizeof *to);
    if (!to) return NULL;
    *to = (Tc__PolicyStatement)TC__POLICY_STATEMENT__INIT;
    only(l, node, keys);
    to->rule = rule_of(l, node);
    to->name = unconst(node->key);
    if (strlen(node->key) > NAME_MAX_CHARS ||
        strspn(node->key, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(node->key))
        fail(l, node, "a name has small letters, digits and _, at most %d", NAME_MAX_CHARS);
    const yaml_node_t *value = need(l, node, "value");
    if (value && value->kind == YAML_LIST)
        read_words(l, value, to);
    else if (value)
        read_scalar(l, value, to);
    l->rule = NULL;
    return to;
}

static int by_name(const void *left, const void *right) {
    const Tc__PolicyStatement *a = *(Tc__PolicyStatement *const *)left, *b = *(Tc__PolicyStatement *const *)right;
    return strcmp(a->name, b->name);
}

int load_statements(loader_t *l) {
    const yaml_node_t *section = section_of(l, "statements");
    if (!section || !is_map(l, section)) return l->rc;
    if (section->count > STATEMENTS_MAX) fail(l, section, "more than %d statements", STATEMENTS_MAX);
    Tc__PolicyStatements *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyStatements)TC__POLICY_STATEMENTS__INIT;
    to->items = take(l, section->count, sizeof *to->items);
    for (const yaml_node_t *node = section->first; node && !l->rc; node = node->next)
        to->items[to->n_items++] = statement_of(l, node); // names are unique: the file refuses a doubled key
    if (!l->rc) qsort(to->items, to->n_items, sizeof *to->items, by_name);
    l->out->statements = to;
    return l->rc;
}

// ---- from the message

static int read_statement(const unpacker_t *r, const Tc__PolicyStatement *from, statement_t *to) {
    if (from->kind == 0 || from->kind >= STATEMENT_KIND__COUNT) return unpack_bad(r, "kind of a statement");
    if (from->number < INT32_MIN || from->number > INT32_MAX) return unpack_bad(r, "value of a statement");
    if (from->n_words > STATEMENT_WORDS_MAX) return unpack_bad(r, "words of a statement");
    *to = (statement_t){.name = from->name, .kind = (statement_kind_t)from->kind, .number = from->number};
    const bool wordy = to->kind == STATEMENT_WORD || to->kind == STATEMENT_WORDS;
    if (wordy != (from->n_words > 0) || (to->kind == STATEMENT_WORD && from->n_words != 1))
        return unpack_bad(r, "words of a statement");
    to->words = (const char *const *)from->words;
    to->word_count = (uint32_t)from->n_words;
    return unpack_rule(r, from->rule, &to->rule);
}

int unpack_statements(const unpacker_t *r) {
    const Tc__PolicyStatements *from = r->message->statements;
    if (!from) return E_OK;
    if (from->n_items > STATEMENTS_MAX) return unpack_bad(r, "too many statements");
    statements_rules_t *to = unpack_take(r, 1, sizeof *to);
    statement_t *items = unpack_take(r, from->n_items, sizeof *items);
    if (!to || !items) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_items; i++) {
        int rc = read_statement(r, from->items[i], &items[i]);
        if (rc) return rc;
        if (i && strcmp(items[i - 1].name, items[i].name) >= 0) return unpack_bad(r, "order of the statements");
    }
    *to = (statements_rules_t){items, (uint32_t)from->n_items};
    r->policy->statements = to;
    return E_OK;
}

// ---- asked

static int against(const void *name, const void *item) { return strcmp(name, ((const statement_t *)item)->name); }

int policy_statement(const policy_t *policy, const char *name, const statement_t **out, err_t *err) {
    const statements_rules_t *rules = policy->statements;
    if (!rules) return err_set(err, E_UNSUPPORTED, "%s has no statements", policy->city);
    const statement_t *found = bsearch(name, rules->items, rules->count, sizeof *rules->items, against);
    if (!found) return err_field(err, E_UNSUPPORTED, "name", "the law of %s does not state %.60s", policy->city, name);
    *out = found;
    return E_OK;
}

const statement_t *policy_stated(const policy_t *policy, const char *name) {
    const statement_t *found = NULL;
    return policy_statement(policy, name, &found, NULL) == E_OK ? found : NULL;
}

bool statement_names(const statement_t *statement, const char *word) {
    for (uint32_t i = 0; statement && i < statement->word_count; i++)
        if (strcmp(statement->words[i], word) == 0) return true;
    return false;
}

bool policy_states(const policy_t *policy, const char *name) {
    const statement_t *found = policy_stated(policy, name);
    return found && found->kind == STATEMENT_YES_NO && found->number;
}

const char *statement_text(const statement_t *statement, char text[static STATEMENT_TEXT_MAX]) {
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; statement && i < statement->word_count && used < STATEMENT_TEXT_MAX; i++)
        used += (size_t)snprintf(text + used, STATEMENT_TEXT_MAX - used, "%s%s", i ? ", " : "", statement->words[i]);
    return text;
}
