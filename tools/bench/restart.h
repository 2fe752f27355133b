#pragma once

namespace headgate::bench {

// The program on views with so much state, stored before: from its start to the first answer of a view.
void Restart(double gib);

}  // namespace headgate::bench
