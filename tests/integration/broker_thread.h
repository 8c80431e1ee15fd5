// A broker on a thread of the test program.
#pragma once
#include <stdbool.h>

bool broker_thread_start(const char *keys_dir); // on free ports
void broker_thread_stop(void);
const char *broker_thread_front(void);
const char *broker_thread_back(void);
