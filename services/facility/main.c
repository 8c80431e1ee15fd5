// The facility register.
#include "handlers.h"

int main(int argc, char **argv) { return service_main(argc, argv, &facility_service); }
