// Places where a process can be told to die as if by kill −9, for tests of what a crash leaves behind. Compiled in only
// with TC_CRASH_POINTS, never in a release; without it a point is nothing at all.
//
//   TC_CRASH=name[:nth]   the process dies when it comes to the point for the nth time (1: the first)
//   TC_CRASH_DIR=DIR      while it runs: a file DIR/name that holds nth arms the point, in whichever process comes
//                         there for the nth time since; that process renames the file to name.hit and dies, so that a
//                         file kills once
#pragma once

#ifdef TC_CRASH_POINTS
void crash_point(const char *name); // of crash_points.h; a name that is not there is a mistake of ours (CHECK)
#define CRASH_POINT(name) crash_point(name)
#else
#define CRASH_POINT(name) ((void)0)
#endif
