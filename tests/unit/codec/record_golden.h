#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/codec/record_encoder.h"
#include "tests/unit/codec/sample.h"

// The changes that every format of records is held against a golden file with (tests/golden/records).
namespace headgate::testing {

// A table with a column of each common type, and its changes: insert, update, change of the key, delete, snapshot row,
// truncate, message, version of the schema.
class RecordSamples {
 public:
  RecordSamples();
  // Calls f(name of the case, change) for each; the change is valid within the call.
  template <class F>
  void ForEach(F f) {
    for (const char* name : kCases) f(name, Make(name));
  }
  codec::EventContext Make(std::string_view name);
  const TableSchema& schema() const { return table_.schema; }

 private:
  static constexpr const char* kCases[] = {"insert", "update",   "unavailable", "key_change", "delete",
                                           "read",   "truncate", "message",     "schema"};
  Table table_;
  Sample sample_;
  std::string extra_;
};

// How a golden file shows what is not text.
enum class Show { kText, kHex };

// The records as lines: "<case>" "  topic=..." "  key=..." "  value=..." "  header name=value" "  suffix=...".
std::string RecordLines(codec::RecordEncoder& encoder, Show show = Show::kText);

// Fails the test unless the file of that name in tests/golden/records has this text. HEADGATE_WRITE_GOLDEN=1 writes it.
void ExpectGolden(std::string_view file, const std::string& text);

}  // namespace headgate::testing
