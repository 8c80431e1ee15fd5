// YAML → message → policy_unpack(). What comes from files and what comes from Redis is built by the same code.
#include "loader.h"

enum { LOADER_BLOCK = 64 * 1024, LOADER_MAX = 32 * 1024 * 1024, SOURCES_MAX = 16 };

static int check_overlays(loader_t *l) {
    // Who the city is stays the city file's; any other section replaces the city's as a whole, except that parameters,
    // options and rules are merged one by one.
    static const char *const keys[] = {"overlay",
                                       "status",
                                       "parameters",
                                       "options",
                                       "rules",
                                       "layers",
                                       "totals",
                                       "coverage",
                                       "contribution",
                                       "benefit",
#define X(section) #section,
                                       SECTION_TABLE(X)
#undef X
                                           NULL};
    Tc__PolicyTables *out = l->out;
    out->overlays = take(l, l->overlay_count, sizeof *out->overlays);
    for (size_t i = 0; i < l->overlay_count && !l->rc; i++) {
        l->doc = l->overlays[i];
        const yaml_node_t *root = yaml_root(l->doc);
        Tc__PolicyOverlay *overlay = take(l, 1, sizeof *overlay);
        if (!overlay) return l->rc;
        *overlay = (Tc__PolicyOverlay)TC__POLICY_OVERLAY__INIT;
        only(l, root, keys);
        const yaml_node_t *status = need(l, root, "status");
        overlay->name = unconst(text_of(l, need(l, root, "overlay")));
        overlay->status = unconst(text_of(l, status));
        if (!l->rc && !status_known(overlay->status)) fail(l, status, "%.40s is not a status", overlay->status);
        out->overlays[out->n_overlays++] = overlay;
    }
    l->doc = l->city_doc;
    return l->rc;
}

static int compile(loader_t *l) {
    int (*const sections[])(loader_t *) = {check_overlays,  load_rules,    load_header,   load_options,
                                           load_parameters, load_bands,    load_coverage, load_contribution,
                                           load_benefit,    load_intended,
#define X(section) load_##section,
                                           SECTION_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < COUNT_OF(sections) && !l->rc; i++) {
        sections[i](l);
        l->rule = NULL;
        l->doc = l->city_doc;
    }
    return l->rc;
}

static int build(policy_t **out, loader_t *l) {
    Tc__PolicyTables tables = TC__POLICY_TABLES__INIT;
    tables.format = POLICY_FORMAT;
    tables.end = 1;
    l->out = &tables;
    if (compile(l)) return l->rc;
    size_t bytes = tc__policy_tables__get_packed_size(&tables);
    uint8_t *packed = take(l, bytes, 1);
    if (!packed) return l->rc;
    tc__policy_tables__pack(&tables, packed);
    int rc = policy_unpack(out, packed, bytes, l->err);
    return rc ? err_prefix(l->err, "%s", yaml_name(l->city_doc)) : E_OK;
}

static int compile_documents(policy_t **out, yaml_doc_t *const *docs, size_t count, err_t *err) {
    for (size_t i = 0; i < count; i++)
        if (yaml_root(docs[i])->kind != YAML_MAP)
            return err_set(err, E_POLICY, "%s: expected keys and values", yaml_name(docs[i]));
    loader_t l = {.err = err, .doc = docs[0], .city_doc = docs[0], .city = yaml_root(docs[0])};
    const yaml_doc_t *overlays[SOURCES_MAX];
    for (size_t i = 1; i < count; i++) overlays[i - 1] = docs[i];
    l.overlays = overlays;
    l.overlay_count = count - 1;
    l.arena = arena_new(LOADER_BLOCK, LOADER_MAX);
    if (!l.arena) return err_set(err, E_IO, "no memory to load a policy");
    int rc = build(out, &l);
    arena_destroy(&l.arena);
    return rc;
}

int policy_parse(policy_t **out, const policy_text_t *texts, size_t count, err_t *err) {
    yaml_doc_t *docs[SOURCES_MAX] = {0};
    *out = NULL;
    if (count == 0 || count > SOURCES_MAX)
        return err_set(err, E_POLICY, "a policy is one city and at most %d overlays", SOURCES_MAX - 1);
    int rc = E_OK;
    for (size_t i = 0; i < count && !rc; i++)
        rc = yaml_parse(&docs[i], texts[i].name, texts[i].text, texts[i].bytes, err);
    if (!rc) rc = compile_documents(out, docs, count, err);
    for (size_t i = 0; i < count; i++) yaml_destroy(&docs[i]);
    return rc;
}

int policy_load(policy_t **out, const char *city_file, const char *const *overlays, err_t *err) {
    yaml_doc_t *docs[SOURCES_MAX] = {0};
    size_t count = 0;
    *out = NULL;
    int rc = yaml_load(&docs[count++], city_file, err);
    for (; overlays && *overlays && !rc; overlays++) {
        if (count == SOURCES_MAX)
            rc = err_set(err, E_POLICY, "a policy is one city and at most %d overlays", SOURCES_MAX - 1);
        else
            rc = yaml_load(&docs[count++], *overlays, err);
    }
    if (!rc) rc = compile_documents(out, docs, count, err);
    for (size_t i = 0; i < count; i++) yaml_destroy(&docs[i]);
    return rc;
}
