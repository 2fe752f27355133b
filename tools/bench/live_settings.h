#pragma once

namespace headgate::bench {

// Readings over HTTP, so many a second, judged by a table of settings in PostgreSQL of which one changes each 100 ms
// (H-44): the longest time in which the view of them stood still, and whether a reading is missing.
void LiveSettings(int per_second, int seconds);

}  // namespace headgate::bench
