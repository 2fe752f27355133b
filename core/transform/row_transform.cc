#include "core/transform/row_transform.h"

#include <algorithm>
#include <utility>

#include "core/base/bytes.h"
#include "core/codec/pg_text.h"
#include "core/net/digest.h"

namespace headgate {

RowTransform::RowTransform(const TableSchema& from, std::vector<ColumnStep> steps, TableSchema schema)
    : steps_(std::move(steps)), types_(steps_.size()), schema_(std::move(schema)) {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (steps_[i].kind == ColumnStep::Kind::kHash) types_[i] = from.columns[i].type;
    changes_rows_ = changes_rows_ || steps_[i].kind != ColumnStep::Kind::kKeep;
  }
}

Status RowTransform::Append(std::string_view row, std::string& out) const {
  ByteReader in(row);
  for (std::size_t column = 0; !in.done(); ++column) {
    const char* const start = in.position();
    const Value value = ReadValue(in);
    if (in.failed()) return Corrupt("a row that is to be transformed is malformed");
    const bool keeps = column >= steps_.size() || steps_[column].kind == ColumnStep::Kind::kKeep || value.is_null() ||
                       value.is_absent();
    if (keeps) {
      out.append(start, in.position());
    } else if (!Put(steps_[column], value, types_[column], out)) {
      return Corrupt("a value of column " + schema_.columns[column].name + " that is to be hashed is malformed");
    }
  }
  return Ok();
}

Status RowTransform::Apply(std::string& bytes, std::size_t start) const {
  if (!changes_rows_) return Ok();
  std::string changed;
  changed.reserve(bytes.size() - start + 64);
  Status status = Append(std::string_view(bytes).substr(start), changed);
  bytes.resize(start);  // what could not be transformed goes nowhere
  if (status.ok()) bytes += changed;
  return status;
}

bool RowTransform::Put(const ColumnStep& step, const Value& value, const DataType& type, std::string& out) const {
  switch (step.kind) {
    case ColumnStep::Kind::kText:
      PutBlob(out, ValueKind::kText, step.text);
      return true;
    case ColumnStep::Kind::kTruncate:
      if (value.kind != ValueKind::kText && value.kind != ValueKind::kRawText) break;  // no text: nothing can be cut
      PutBlob(out, value.kind, FirstCharacters(value.text, step.characters));
      return true;
    case ColumnStep::Kind::kHash: {
      std::string text;
      if (!codec::AppendServerText(text, value, type)) return false;
      PutBlob(out, ValueKind::kText, net::HmacSha256Hex(step.text, text));
      return true;
    }
    case ColumnStep::Kind::kKeep:
    case ColumnStep::Kind::kNull:
      break;
  }
  PutNull(out);
  return true;
}

std::string_view FirstCharacters(std::string_view text, std::size_t characters) {
  if (text.size() <= characters) return text;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (begins && characters-- == 0) break;
  }
  return text.substr(0, at);
}

}  // namespace headgate
