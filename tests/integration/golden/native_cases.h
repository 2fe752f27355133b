#pragma once

#include <string>
#include <vector>

#include "tests/integration/golden/golden_run.h"

namespace headgate::test {

// One input of the type table of the change-events contract (4.4) as SQL, and the JSON that `native` makes of it.
struct NativeCase {
  std::string row;    // NP01
  std::string table;  // of schema n: np, gis and vec, the last two for types of extensions that may be missing
  std::string type;
  std::string literal;
  std::string expected;
  std::string option = "";  // name=value
};
const std::vector<NativeCase>& NativeCases();

// The column of n.<table> that holds the case.
std::string ColumnOf(const NativeCase& c);

// Tables with one column a case; the same row before the snapshot (id 1) and while streaming (id 2).
GoldenRun::Script NativeScript();

}  // namespace headgate::test
