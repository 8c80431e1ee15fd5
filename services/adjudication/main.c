// tongchou-adjudication: the process. Everything is in the library, so that tests and tools link it too.
#include "adjudication.h"

int main(int argc, char **argv) { return service_main(argc, argv, &adjudication_service); }
