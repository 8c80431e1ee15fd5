// A configuration as a file. See conf_write.h.
#include "conf_write.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Double-quoted YAML: bytes over 0x7f are UTF-8 and stand for themselves.
static void print_text(FILE *file, const char *text) {
    fputc('"', file);
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\')
            fprintf(file, "\\%c", byte);
        else if (byte < 0x20 || byte == 0x7f)
            fprintf(file, "\\x%02X", byte);
        else
            fputc(byte, file);
    }
    fputc('"', file);
}

static void print_value(FILE *file, const conf_t *conf, const conf_key_t *key) {
    const char *const *item;
    switch (key->type) {
    case CONF_TEXT: print_text(file, conf_text(conf, key->name)); break;
    case CONF_INT: fprintf(file, "%lld", (long long)conf_int(conf, key->name)); break;
    case CONF_BOOL: fputs(conf_bool(conf, key->name) ? "true" : "false", file); break;
    case CONF_LIST:
        fputc('[', file);
        for (item = conf_list(conf, key->name); *item; item++) {
            print_text(file, *item);
            if (item[1]) fputs(", ", file);
        }
        fputc(']', file);
        break;
    }
    fputc('\n', file);
}

static bool is_default(const conf_t *conf, const conf_key_t *key) {
    switch (key->type) {
    case CONF_TEXT: return strcmp(conf_text(conf, key->name), key->fallback) == 0;
    case CONF_INT: return conf_int(conf, key->name) == strtoll(key->fallback, NULL, 10);
    case CONF_BOOL: return conf_bool(conf, key->name) == (strcmp(key->fallback, "true") == 0);
    case CONF_LIST: return !*key->fallback && !conf_list(conf, key->name)[0];
    }
    return false;
}

static void print_yaml(FILE *file, const conf_t *conf) {
    size_t open_length = 0;
    const char *open_section = "";
    fprintf(file, "# Written by `tongchou up`, and again when an option changes it. Every key: docs/operations.md.\n");
    for (const conf_key_t *key = conf_table; key->name; key++) {
        size_t length = strcspn(key->name, ".");
        if (is_default(conf, key)) continue;
        if (length != open_length || strncmp(open_section, key->name, length) != 0)
            fprintf(file, "%.*s:\n", (int)length, key->name);
        open_section = key->name;
        open_length = length;
        fprintf(file, "  %s: ", key->name + length + 1);
        print_value(file, conf, key);
    }
}

int conf_write(const conf_t *conf, const char *path, err_t *err) {
    char temporary[PATH_MAX + 8];
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
        return err_set(err, E_TOO_LARGE, "path too long: %s", path);
    FILE *file = fopen(temporary, "we");
    if (!file) return err_set(err, E_IO, "cannot write %s: %s", temporary, strerror(errno));
    bool failed = fchmod(fileno(file), 0600) != 0; // store.url may hold a password
    print_yaml(file, conf);
    failed |= ferror(file) != 0;
    failed |= fclose(file) != 0;
    if (!failed && rename(temporary, path) == 0) return E_OK;
    err_set(err, E_IO, "cannot write %s: %s", path, strerror(errno));
    unlink(temporary);
    return E_IO;
}
