#pragma once

namespace headgate::bench {

// From a commit in PostgreSQL to the moment when a client that follows a view over HTTP has what it changed there. One
// row a commit, so many a second, whether or not the answers keep up.
void ViewLatency(int per_second, int seconds);

}  // namespace headgate::bench
