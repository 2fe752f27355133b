#pragma once

// Views, from the log: a log of events and tables is written first, then the views' thread runs over it.
namespace headgate::bench {

void Views(long events);

}  // namespace headgate::bench
