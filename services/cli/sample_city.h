// tongchou sample city: a synthetic city of any size as CSV files, in the shape in which agencies and the tax bureau
// send theirs.
#pragma once

// Exit status. argv[0] is "city".
int sample_city_run(int argc, char **argv);
