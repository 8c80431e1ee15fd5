// What must hold, read from the databases behind everybody's back. audit_step() is cheap and looks at what was
// committed since; audit_now() is everything that holds at any moment; audit_end() everything that holds when all is at
// rest. Each fails the run (world_fail) with the record that is wrong.
#pragma once
#include "common/store/store.h"

typedef struct audit_conf {
    const char *dir, *keys_dir, *law, *overlay;
} audit_conf_t;

int audit_open(const audit_conf_t *conf, err_t *err) MUST_USE; // when the stores are there; again after audit_close()
void audit_close(void);
bool audit_is_open(void);
store_t *audit_adjudication(void);
store_t *audit_settlement(void);

void audit_step(void);
void audit_now(void);
void audit_end(void);
// All consumers stand at the heads of their logs, and nothing waits to be decided again.
bool audit_is_level(char *why, size_t room);
// What the city has decided, posted and said of its people, without anything that tells when or in which order.
// `paid`: hospitals were paid a month, whose bills depend on when they came: money and what is owed are one sum.
int audit_picture(const char *path, bool paid);
