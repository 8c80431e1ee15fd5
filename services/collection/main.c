// The collection service.
#include "handlers.h"

int main(int argc, char **argv) { return service_main(argc, argv, &collection_service); }
