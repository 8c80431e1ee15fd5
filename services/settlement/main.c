// tongchou-settlement: the process. Everything is in the library, so that tests and tools link it too.
#include "settlement.h"

int main(int argc, char **argv) { return service_main(argc, argv, &settlement_service); }
