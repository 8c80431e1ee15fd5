// YAML as a strict tree: what is read, where it stands, and everything that must be refused with its line.
#include "tests/check.h"
#include "common/base/yaml.h"
#include <unistd.h>

static yaml_doc_t *parse(const char *text) {
    yaml_doc_t *doc = NULL;
    err_t err = {0};
    int rc = yaml_parse(&doc, "t.yaml", text, strlen(text), &err);
    if (rc) fprintf(stderr, "%s\n", err.text);
    NEED(rc == E_OK);
    return doc;
}

TEST(a_tree_keeps_order_kinds_and_lines) {
    yaml_doc_t *doc =
        parse("# head\nname: city\nrates:\n  - 0.55\n  - from: 2020-01-01\n    rate: '0.6'\nempty:\nlist: []\n");
    const yaml_node_t *root = yaml_root(doc), *rates = yaml_get(root, "rates");
    EQ(root->kind, YAML_MAP);
    EQ(root->count, 4);
    EQ_TEXT(yaml_name(doc), "t.yaml");
    EQ_TEXT(root->first->key, "name");
    EQ_TEXT(root->first->text, "city");
    EQ(root->first->line, 2);
    NEED(rates != NULL);
    EQ(rates->kind, YAML_LIST);
    EQ(rates->line, 3);
    EQ(rates->count, 2);
    EQ(rates->first->line, 4);
    OK(rates->first->key == NULL);
    EQ_TEXT(rates->first->text, "0.55");
    EQ(rates->first->quoted, false);
    const yaml_node_t *rate = yaml_get(rates->first->next, "rate");
    NEED(rate != NULL);
    EQ_TEXT(rate->text, "0.6");
    EQ(rate->quoted, true);
    EQ(rate->line, 6);
    EQ(yaml_get(root, "list")->count, 0);
    OK(yaml_get(root, "absent") == NULL);
    OK(yaml_get(rates, "rate") == NULL); // a list has no keys
    OK(yaml_get(NULL, "rate") == NULL);
    yaml_destroy(&doc);
    OK(doc == NULL);
    yaml_destroy(&doc);
}

TEST(plain_null_is_null_and_quoted_is_text) {
    yaml_doc_t *doc = parse("a:\nb: ~\nc: null\nd: ''\ne: 'null'\nf: \"~\"\ng: |\n  two\n  lines\nh: nullable\n");
    const yaml_node_t *root = yaml_root(doc);
    OK(yaml_get(root, "a")->text == NULL);
    OK(yaml_get(root, "b")->text == NULL);
    OK(yaml_get(root, "c")->text == NULL);
    EQ_TEXT(yaml_get(root, "d")->text, "");
    EQ_TEXT(yaml_get(root, "e")->text, "null");
    EQ_TEXT(yaml_get(root, "f")->text, "~");
    EQ_TEXT(yaml_get(root, "g")->text, "two\nlines\n");
    EQ(yaml_get(root, "g")->quoted, true);
    EQ_TEXT(yaml_get(root, "h")->text, "nullable");
    yaml_destroy(&doc);
}

TEST(a_value_on_the_next_line_has_the_line_of_its_key) {
    yaml_doc_t *doc = parse("a:\n\n  b:\n    c\n");
    EQ(yaml_get(yaml_root(doc), "a")->line, 1);
    EQ(yaml_get(yaml_get(yaml_root(doc), "a"), "b")->line, 3);
    yaml_destroy(&doc);
}

TEST(what_is_refused_is_named_with_its_line) {
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"a: 1\nb: 2\na: 3\n", "t.yaml:3: the key \"a\" stands here again, first on line 1"},
        {"x:\n  - {b: 1, a: 1,\n     b: 2}\n", "t.yaml:3: the key \"b\""},
        {"a: &x 1\n", "t.yaml:1: anchors"},
        {"a: 1\nb: &x [1]\n", "t.yaml:2: anchors"},
        {"&x {a: 1}\n", "t.yaml:1: anchors"},
        {"a: 1\nb: *x\n", "t.yaml:2: aliases"},
        {"a: 1\nb: !!str 2\n", "t.yaml:2: tags"},
        {"a: !x [1]\n", "t.yaml:1: tags"},
        {"--- !x\na: 1\n", "tags"},
        {"a: ! b\n", "tags"},
        {"a: 1\n---\nb: 1\n", "t.yaml:2: a second document"},
        {"", "t.yaml:1: the file is empty"},
        {"# nothing\n", "the file is empty"},
        {"a: 1\n? [b]\n: 2\n", "t.yaml:2: a key must be"},
        {"{{a: 1}: 2}\n", "t.yaml:1: a key must be"},
        {"a: 1\n\"\": 2\n", "t.yaml:2: a key without a name"},
        {"a: 1\n? *x\n: 2\n", "aliases"},
        {"a: \"x\\0y\"\n", "t.yaml:1: a text with a zero byte"},
        {"a: [1\nb: 2\n", "t.yaml:2: "},
        {"a: 1\n\tb: 2\n", "t.yaml:2: "},
        {"a: 1\nb: 'x\n", "t.yaml:3: "},
        {"a: 1\nb: \xff\n", "t.yaml:2: "},
        {"a: 1\nb: \x01\n", "t.yaml:2: "},
        {"%YAML 2.0\n---\na: 1\n", "t.yaml:1: "},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        yaml_doc_t *doc = NULL;
        err_t err = {0};
        EQ(yaml_parse(&doc, "t.yaml", rows[i].text, strlen(rows[i].text), &err), E_POLICY);
        HAS_TEXT(err.text, rows[i].part);
        OK(doc == NULL);
        yaml_destroy(&doc);
    }
}

// `count` times `piece`.
static char *repeat(const char *piece, size_t count) {
    size_t bytes = strlen(piece);
    char *text = malloc(bytes * count + 1);
    NEED(text != NULL);
    for (size_t i = 0; i < count; i++) memcpy(text + i * bytes, piece, bytes);
    text[bytes * count] = 0;
    return text;
}

static int parse_rc(const char *text, err_t *err) {
    yaml_doc_t *doc = NULL;
    int rc = yaml_parse(&doc, "t.yaml", text, strlen(text), err);
    OK((doc == NULL) == (rc != E_OK));
    yaml_destroy(&doc);
    return rc;
}

TEST(depth_is_bounded_at_32) {
    for (size_t depth = 32; depth <= 33; depth++) {
        char text[80] = "";
        err_t err = {0};
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        EQ(parse_rc(text, &err), depth == 32 ? E_OK : E_POLICY);
        if (depth == 33) HAS_TEXT(err.text, "deeper than 32");
    }
}

TEST(the_number_of_values_is_bounded) {
    char *text = repeat("- a\n", 200000); // and the list itself
    err_t err = {0};
    EQ(parse_rc(text, &err), E_POLICY);
    HAS_TEXT(err.text, "t.yaml:200000: more than 200000 values");
    text[4 * 199999] = 0;
    EQ(parse_rc(text, &err), E_OK);
    free(text);
}

TEST(the_size_is_bounded) {
    char *text = repeat("#", (4u << 20) + 1);
    err_t err = {0};
    memcpy(text, "a: 1 ", 5);
    EQ(parse_rc(text, &err), E_POLICY);
    HAS_TEXT(err.text, "larger than 4194304 bytes");
    text[4u << 20] = 0;
    EQ(parse_rc(text, &err), E_OK);
    free(text);
}

TEST(many_keys_are_checked_without_comparing_all_pairs) {
    size_t count = 150000, n = 0;
    char *text = malloc(16 * count);
    NEED(text != NULL);
    for (size_t i = 0; i < count; i++) n += (size_t)sprintf(text + n, "k%zu: 1\n", i);
    EQ(parse_rc(text, NULL), E_OK);
    sprintf(text + n, "k77: 1\n");
    err_t err = {0};
    EQ(parse_rc(text, &err), E_POLICY);
    HAS_TEXT(err.text, "t.yaml:150001: the key \"k77\" stands here again, first on line 78");
    free(text);
}

TEST(unknown_keys_are_named_with_what_is_allowed) {
    static const char *const allowed[] = {"from", "rate", NULL};
    yaml_doc_t *doc = parse("from: 1\nrat: 2\n"), *list = parse("- 1\n"), *good = parse("rate: 1\n");
    err_t err = {0};
    EQ(yaml_only_keys(doc, yaml_root(doc), allowed, &err), E_POLICY);
    EQ_TEXT(err.text, "t.yaml:2: rat: unknown key, allowed are from, rate");
    EQ_TEXT(err.field, "rat");
    EQ(yaml_only_keys(list, yaml_root(list), allowed, &err), E_POLICY);
    EQ_TEXT(err.text, "t.yaml:1: expected a map with the keys from, rate");
    EQ(yaml_only_keys(good, yaml_root(good), allowed, &err), E_OK);
    EQ(yaml_error(doc, NULL, &err, "nothing %d", 7), E_POLICY);
    EQ_TEXT(err.text, "t.yaml:1: nothing 7");
    yaml_destroy(&doc);
    yaml_destroy(&list);
    yaml_destroy(&good);
}

TEST(files_are_read_and_missing_ones_named) {
    char path[] = "/tmp/tc_yaml_XXXXXX";
    int fd = mkstemp(path);
    NEED(fd >= 0);
    NEED(write(fd, "a: 1\na: 2\n", 10) == 10);
    NEED(close(fd) == 0);
    yaml_doc_t *doc = NULL;
    err_t err = {0};
    EQ(yaml_load(&doc, path, &err), E_POLICY);
    HAS_TEXT(err.text, path);
    HAS_TEXT(err.text, ":2: ");
    unlink(path);
    EQ(yaml_load(&doc, path, &err), E_IO);
    HAS_TEXT(err.text, "No such file");
    EQ(yaml_load(&doc, "/tmp", &err), E_IO);
    OK(doc == NULL);
}

TESTS("base yaml", CASE(a_tree_keeps_order_kinds_and_lines), CASE(plain_null_is_null_and_quoted_is_text),
      CASE(a_value_on_the_next_line_has_the_line_of_its_key), CASE(what_is_refused_is_named_with_its_line),
      CASE(depth_is_bounded_at_32), CASE(the_number_of_values_is_bounded), CASE(the_size_is_bounded),
      CASE(many_keys_are_checked_without_comparing_all_pairs), CASE(unknown_keys_are_named_with_what_is_allowed),
      CASE(files_are_read_and_missing_ones_named))
