// A row of a result in the binary protocol: the first bytes choose the types of its columns.
#include <cstdint>
#include <string>

#include "connectors/mysql/column.h"
#include "connectors/mysql/packet.h"
#include "connectors/mysql/result_row.h"
#include "core/base/check.h"
#include "core/model/change.h"
#include "core/model/value.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate;
  using namespace headgate::mysql;
  constexpr std::size_t kForms = static_cast<std::size_t>(Form::kUnknown) + 1;
  std::string_view bytes = fuzz::Bytes(data, size);
  ParseError(bytes);
  ParseResultColumn(bytes);
  std::vector<ResultColumn> columns(1 + fuzz::Choose(bytes, 12));
  std::vector<ColumnReader> readers(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::string definition(13, '\0');
    definition[0] = 12;
    definition[7] = static_cast<char>(fuzz::Choose(bytes, 256));
    definition[8] = static_cast<char>(fuzz::Choose(bytes, 64));
    columns[i] = ParseResultColumn(definition).value();
    readers[i].form = static_cast<Form>(fuzz::Choose(bytes, kForms));
    readers[i].digits = static_cast<std::uint8_t>(fuzz::Choose(bytes, 7));
    readers[i].length = static_cast<std::int32_t>(fuzz::Choose(bytes, 65));
  }
  std::vector<std::string_view> values;
  if (!SplitRow(bytes, columns, values)) return 0;
  ValueReader reader;
  std::string row;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (values[i].data() == nullptr) {
      PutNull(row);
    } else {
      reader.AppendSelected(row, readers[i], columns[i], values[i]);
    }
  }
  std::vector<Value> read;
  CHECK(ReadRow(row, read).ok());
  CHECK(read.size() == columns.size());
  return 0;
}
