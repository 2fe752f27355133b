#pragma once

namespace headgate::bench {

// The memory of the program while an index and a table catch up at once over a full log.
void CatchUp(long rows);

}  // namespace headgate::bench
