// The key directory: a public registry of all parties and one secret file each. Read whole and checked before use;
// written under a lock by whole-file rename, so a reader sees the old registry or the new one.
#include "party.h"

#include "common/base/ids.h"
#include "common/base/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum { PATH_BYTES = 1024 };

struct keys {
    party_t *parties; // sorted by key
    party_t **by_name;
    size_t count;
    char self[PARTY_NAME_BYTES];
    char public_text[KEY_TEXT_BYTES];
    char secret_text[KEY_TEXT_BYTES];
};

static int path_of(char path[static PATH_BYTES], const char *dir, const char *name, const char *suffix, err_t *err) {
    int length = snprintf(path, PATH_BYTES, "%s/%s%s", dir, name, suffix);
    if (length > 0 && length < PATH_BYTES) return E_OK;
    return err_set(err, E_IO, "the path of key directory %s is too long", dir);
}

static int compare_key(const void *a, const void *b) {
    return memcmp(((const party_t *)a)->key, ((const party_t *)b)->key, KEY_BYTES);
}

static int compare_name(const void *a, const void *b) {
    return strcmp((*(party_t *const *)a)->name, (*(party_t *const *)b)->name);
}

// Sort both ways; names the first party that is there twice.
static int index_parties(keys_t *keys, err_t *err) {
    if (keys->count == 0) return E_OK;
    qsort(keys->parties, keys->count, sizeof *keys->parties, compare_key);
    for (size_t i = 0; i < keys->count; i++) keys->by_name[i] = &keys->parties[i];
    qsort(keys->by_name, keys->count, sizeof(party_t *), compare_name);
    for (size_t i = 1; i < keys->count; i++) {
        const party_t *a = &keys->parties[i - 1], *b = &keys->parties[i];
        if (memcmp(a->key, b->key, KEY_BYTES) == 0)
            return err_field(err, E_POLICY, "key", "%s and %s have the same key in the registry", a->name, b->name);
        if (strcmp(keys->by_name[i - 1]->name, keys->by_name[i]->name) == 0)
            return err_field(err, E_POLICY, "name", "%s is in the registry twice", keys->by_name[i]->name);
    }
    return E_OK;
}

static int party_set(party_t *party, const char *name, unsigned role, const char *key_text) {
    if (strlen(key_text) != KEY_TEXT_BYTES - 1 || !zmq_z85_decode(party->key, key_text)) return E_INVALID_FIELD;
    snprintf(party->name, sizeof party->name, "%s", name);
    snprintf(party->key_text, sizeof party->key_text, "%s", key_text);
    party->role = role;
    return E_OK;
}

static const char *text_of(const yaml_node_t *map, const char *key) {
    const yaml_node_t *node = yaml_get(map, key);
    return node && node->kind == YAML_SCALAR && node->text ? node->text : "";
}

static int read_party(const yaml_doc_t *doc, const yaml_node_t *node, party_t *party, err_t *err) {
    static const char *const allowed[] = {"name", "role", "key", "divisions", "facilities", NULL};
    if (node->kind != YAML_MAP) return yaml_error(doc, node, err, "a party must be a map of name, role and key");
    int rc = yaml_only_keys(doc, node, allowed, err);
    if (rc != E_OK) return rc;
    err_t why = {0};
    if (name_check("name", text_of(node, "name"), &why) != E_OK) return yaml_error(doc, node, err, "%s", why.text);
    unsigned role = wire_role_from_name(text_of(node, "role"));
    if (!role) return yaml_error(doc, node, err, "role must be admin, clerk, hospital, agency, service or broker");
    if (party_set(party, text_of(node, "name"), role, text_of(node, "key")) != E_OK)
        return yaml_error(doc, node, err, "key must be a public key of 40 Z85 characters");
    if (scope_make(party->scope, text_of(node, "divisions"), text_of(node, "facilities"), &why) != E_OK)
        return yaml_error(doc, node, err, "%s", why.text);
    return E_OK;
}

static int allocate(keys_t *keys, size_t room, err_t *err) {
    keys->parties = calloc(room ? room : 1, sizeof *keys->parties);
    keys->by_name = calloc(room ? room : 1, sizeof *keys->by_name);
    if (!keys->parties || !keys->by_name) return err_set(err, E_IO, "no memory for %zu parties", room);
    return E_OK;
}

// `spare` leaves room for parties that the caller adds.
static int read_registry(keys_t *keys, const char *path, size_t spare, err_t *err) {
    static const char *const allowed[] = {"parties", NULL};
    yaml_doc_t *doc = NULL;
    int rc = yaml_load(&doc, path, err);
    if (rc != E_OK) return rc;
    const yaml_node_t *root = yaml_root(doc), *list = NULL;
    if (!root || root->kind != YAML_MAP) {
        rc = err_set(err, E_POLICY, "%s: expected a map with the key parties", path);
        goto out;
    }
    if ((rc = yaml_only_keys(doc, root, allowed, err)) != E_OK) goto out;
    list = yaml_get(root, "parties");
    if (!list || list->kind != YAML_LIST) {
        rc = yaml_error(doc, root, err, "parties must be a list");
        goto out;
    }
    if ((rc = allocate(keys, list->count + spare, err)) != E_OK) goto out;
    for (const yaml_node_t *node = list->first; node; node = node->next) {
        if ((rc = read_party(doc, node, &keys->parties[keys->count], err)) != E_OK) goto out;
        keys->count++;
    }
    if ((rc = index_parties(keys, err)) != E_OK) err_prefix(err, "%s", path);
out:
    yaml_destroy(&doc);
    return rc;
}

const party_t *keys_by_name(const keys_t *keys, const char *name) {
    size_t low = 0, high = keys->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, keys->by_name[middle]->name);
        if (order == 0) return keys->by_name[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

// One Z85 line, readable by its owner only. E_NOT_FOUND when the file is not there.
static int read_secret(const char *path, char secret[static KEY_TEXT_BYTES], err_t *err) {
    struct stat info;
    char text[KEY_TEXT_BYTES + 1] = {0};
    int rc = E_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return err_set(err, E_NOT_FOUND, "no secret key file %s", path);
    if (fd < 0 || fstat(fd, &info) != 0) {
        rc = err_set(err, E_IO, "%s: %s", path, strerror(errno));
        goto out;
    }
    if (info.st_mode & 077) {
        rc = err_set(err, E_IO, "%s: a secret key must be readable by its owner only (mode 0600)", path);
        goto out;
    }
    ssize_t got = read(fd, text, sizeof text);
    if (got == (ssize_t)sizeof text && text[KEY_TEXT_BYTES - 1] != '\n') got = -1;
    if (got < KEY_TEXT_BYTES - 1) {
        rc = err_set(err, E_POLICY, "%s: expected one line of 40 Z85 characters", path);
        goto out;
    }
    memcpy(secret, text, KEY_TEXT_BYTES - 1);
    secret[KEY_TEXT_BYTES - 1] = '\0';
out:
    sodium_memzero(text, sizeof text);
    if (fd >= 0) close(fd);
    return rc;
}

static int load_self(keys_t *keys, const char *dir, const char *self, err_t *err) {
    char path[PATH_BYTES];
    const party_t *party = keys_by_name(keys, self);
    if (!party) return err_set(err, E_POLICY, "%s/registry.yaml: no party named %s", dir, self);
    int rc = path_of(path, dir, self, ".key", err);
    if (rc == E_OK) rc = read_secret(path, keys->secret_text, err);
    if (rc != E_OK) return rc;
    if (zmq_curve_public(keys->public_text, keys->secret_text) != 0)
        return err_set(err, E_POLICY, "%s: not a secret key", path);
    if (strcmp(keys->public_text, party->key_text) != 0)
        return err_set(err, E_POLICY, "%s does not belong to the public key of %s in the registry", path, self);
    snprintf(keys->self, sizeof keys->self, "%s", self);
    return E_OK;
}

int keys_load(keys_t **out, const char *dir, const char *self, err_t *err) {
    char path[PATH_BYTES];
    int rc = path_of(path, dir, "registry", ".yaml", err);
    if (rc != E_OK) return rc;
    keys_t *keys = calloc(1, sizeof *keys);
    if (!keys) return err_set(err, E_IO, "no memory for the keys");
    rc = read_registry(keys, path, 0, err);
    if (rc == E_OK && self) rc = load_self(keys, dir, self, err);
    if (rc == E_OK)
        *out = keys;
    else
        keys_destroy(&keys);
    return rc;
}

void keys_destroy(keys_t **keys) {
    if (!*keys) return;
    sodium_memzero((*keys)->secret_text, KEY_TEXT_BYTES);
    free((*keys)->by_name);
    free((*keys)->parties);
    free(*keys);
    *keys = NULL;
}

const char *keys_public_of(const keys_t *keys, const char *name) {
    const party_t *party = keys_by_name(keys, name);
    return party ? party->key_text : NULL;
}

const char *keys_self(const keys_t *keys) { return keys->self; }
const char *keys_secret(const keys_t *keys) { return keys->secret_text; }
const char *keys_own_public(const keys_t *keys) { return keys->public_text; }

const party_t *keys_by_public(const keys_t *keys, const uint8_t key[static KEY_BYTES]) {
    party_t wanted;
    memcpy(wanted.key, key, KEY_BYTES);
    return bsearch(&wanted, keys->parties, keys->count, sizeof *keys->parties, compare_key);
}

// Write `text` beside `path` and rename, so that `path` is whole at any moment and survives a power cut.
static int replace_file(const char *path, const char *text, mode_t mode, err_t *err) {
    char temporary[PATH_BYTES + 8];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    size_t bytes = strlen(text);
    unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) return err_set(err, E_IO, "%s: %s", temporary, strerror(errno));
    bool written = write(fd, text, bytes) == (ssize_t)bytes && fsync(fd) == 0;
    written = close(fd) == 0 && written;
    if (written && rename(temporary, path) == 0) return E_OK;
    int rc = err_set(err, E_IO, "%s: %s", path, strerror(errno));
    unlink(temporary);
    return rc;
}

// The public half of <name>.key, which is made when it is not there: a crash between the two files leaves a secret
// without a registry entry, and the next call completes it.
static int make_pair(const char *dir, const char *name, char public_text[static KEY_TEXT_BYTES], err_t *err) {
    char path[PATH_BYTES], secret[KEY_TEXT_BYTES + 1] = {0};
    err_t why = {0};
    int rc = path_of(path, dir, name, ".key", &why);
    if (rc == E_OK) rc = read_secret(path, secret, &why);
    if (rc == E_OK && zmq_curve_public(public_text, secret) != 0)
        rc = err_set(&why, E_POLICY, "%s: not a secret key", path);
    if (rc == E_NOT_FOUND && zmq_curve_keypair(public_text, secret) == 0) {
        secret[KEY_TEXT_BYTES - 1] = '\n';
        rc = replace_file(path, secret, 0600, &why);
    }
    if (rc == E_NOT_FOUND) rc = err_set(&why, E_IO, "libzmq was built without CURVE");
    if (rc != E_OK) err_set(err, rc, "%s", why.text);
    sodium_memzero(secret, sizeof secret);
    return rc;
}

// "divisions=a,b;facilities=c" → , divisions: "a,b", facilities: "c"}
static size_t write_scope(char *out, size_t room, const char *scope) {
    size_t used = 0;
    for (const char *at = scope; *at;) {
        const size_t name = strcspn(at, "="), value = strcspn(at + name + 1, ";");
        used += (size_t)snprintf(out + used, room - used, ", %.*s: \"%.*s\"", (int)name, at, (int)value, at + name + 1);
        at += name + 1 + value;
        if (*at == ';') at++;
    }
    return used + (size_t)snprintf(out + used, room - used, "}\n");
}

static int write_registry(const keys_t *keys, const char *path, err_t *err) {
    static const char head[] =
        "# Who may connect. Public keys only; <name>.key beside this file holds the secret half.\n"
        "parties:\n";
    size_t room = sizeof head + keys->count * (sizeof(party_t) + 64), used = 0;
    char *text = malloc(room);
    if (!text) return err_set(err, E_IO, "no memory for the registry");
    used = (size_t)snprintf(text, room, "%s", head);
    for (size_t i = 0; i < keys->count; i++) {
        const party_t *party = keys->by_name[i];
        // Z85 has no quote and no backslash, so a quoted scalar holds it as it is.
        used += (size_t)snprintf(text + used, room - used, "  - {name: \"%s\", role: %s, key: \"%s\"", party->name,
                                 wire_role_name(party->role), party->key_text);
        used += write_scope(text + used, room - used, party->scope);
        CHECK(used < room);
    }
    int rc = replace_file(path, text, 0644, err);
    free(text);
    return rc;
}

static int add_party(const char *dir, const char *name, unsigned role, const char *scope, err_t *err) {
    char path[PATH_BYTES], public_text[KEY_TEXT_BYTES];
    keys_t *keys = calloc(1, sizeof *keys);
    if (!keys) return err_set(err, E_IO, "no memory for the keys");
    int rc = path_of(path, dir, "registry", ".yaml", err);
    if (rc != E_OK) goto out;
    if (access(path, F_OK) == 0)
        rc = read_registry(keys, path, 1, err);
    else
        rc = allocate(keys, 1, err);
    if (rc != E_OK || keys_by_name(keys, name)) goto out;
    if ((rc = make_pair(dir, name, public_text, err)) != E_OK) goto out;
    CHECK(party_set(&keys->parties[keys->count], name, role, public_text) == E_OK);
    snprintf(keys->parties[keys->count].scope, SCOPE_BYTES, "%s", scope);
    keys->count++;
    if ((rc = index_parties(keys, err)) == E_OK) rc = write_registry(keys, path, err);
out:
    keys_destroy(&keys);
    return rc;
}

// Our copy of the secret first: what is left of a crash in between is dropped by the next call, and no call of
// keys_make() can give the old pair a second life.
static int drop_party(const char *dir, const char *name, unsigned role, const char *scope, err_t *err) {
    char path[PATH_BYTES];
    keys_t *keys = calloc(1, sizeof *keys);
    const party_t *party = NULL;
    (void)scope;
    if (!keys) return err_set(err, E_IO, "no memory for the keys");
    int rc = path_of(path, dir, "registry", ".yaml", err);
    if (rc == E_OK) rc = read_registry(keys, path, 0, err);
    if (rc == E_OK && (party = keys_by_name(keys, name)) == NULL)
        rc = err_field(err, E_NOT_FOUND, "name", "no party named %s in the registry", name);
    if (rc == E_OK && party->role != role)
        rc = err_field(err, E_DENIED, "name", "%s has the role %s, not %s", name, wire_role_name(party->role),
                       wire_role_name(role));
    if (rc != E_OK) goto out;
    if ((rc = path_of(path, dir, name, ".key", err)) != E_OK) goto out;
    if (unlink(path) != 0 && errno != ENOENT) {
        rc = err_set(err, E_IO, "%s: %s", path, strerror(errno));
        goto out;
    }
    memmove(&keys->parties[party - keys->parties], party + 1,
            (size_t)(keys->parties + keys->count - 1 - party) * sizeof *party);
    keys->count--;
    rc = path_of(path, dir, "registry", ".yaml", err);
    if (rc == E_OK) rc = index_parties(keys, err);
    if (rc == E_OK) rc = write_registry(keys, path, err);
out:
    keys_destroy(&keys);
    return rc;
}

// Under the lock of the folder.
static int change_registry(const char *dir, const char *name, unsigned role, const char *scope, err_t *err,
                           int (*change)(const char *dir, const char *name, unsigned role, const char *scope,
                                         err_t *err)) {
    char path[PATH_BYTES];
    int rc = name_check("name", name, err);
    if (rc == E_OK) rc = path_of(path, dir, "registry", ".lock", err);
    if (rc != E_OK) return rc;
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) != 0)
        rc = err_set(err, E_IO, "%s: %s", path, strerror(errno));
    else
        rc = change(dir, name, role, scope, err);
    if (lock >= 0) close(lock);
    return rc;
}

int keys_make_scoped(const char *dir, const char *name, const char *role, const char *scope, err_t *err) {
    unsigned bit = wire_role_from_name(role);
    if (!bit)
        return err_field(err, E_INVALID_FIELD, "role",
                         "role must be admin, clerk, hospital, agency, service or broker");
    return change_registry(dir, name, bit, scope, err, add_party);
}

int keys_make(const char *dir, const char *name, const char *role, err_t *err) {
    return keys_make_scoped(dir, name, role, "", err);
}

int keys_revoke(const char *dir, const char *name, unsigned role, err_t *err) {
    return change_registry(dir, name, role, "", err, drop_party);
}
