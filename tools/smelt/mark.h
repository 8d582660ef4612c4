// Two empty functions around what is measured: instruction counters (perf, callgrind, emulators)
// can be switched on at one and off at the other.
#pragma once

extern "C" {
void smelt_mark_begin();
void smelt_mark_end();
}
