// tongchou sample catalogue: a synthetic catalogue as `tongchou catalogue load` reads it.
#pragma once

int sample_catalogue_run(int argc, char **argv);
