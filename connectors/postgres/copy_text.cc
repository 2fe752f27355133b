#include "connectors/postgres/copy_text.h"

#include <cstring>

namespace headgate::postgres {

bool CopyRowDecoder::Unescape(std::string_view field) {
  scratch_.clear();
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] != '\\') {
      scratch_.push_back(field[i]);
      continue;
    }
    if (++i == field.size()) return false;
    switch (field[i]) {
      case 'b':
        scratch_.push_back('\b');
        break;
      case 'f':
        scratch_.push_back('\f');
        break;
      case 'n':
        scratch_.push_back('\n');
        break;
      case 'r':
        scratch_.push_back('\r');
        break;
      case 't':
        scratch_.push_back('\t');
        break;
      case 'v':
        scratch_.push_back('\v');
        break;
      default:
        scratch_.push_back(field[i]);
        break;  // the character itself, a backslash mostly
    }
  }
  return true;
}

bool CopyRowDecoder::Append(std::string& out, std::string_view line, std::span<const TypePtr> types) {
  if (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  if (types.empty()) return line.empty();
  const char* p = line.data();
  const char* const end = p + line.size();
  for (std::size_t i = 0; i < types.size(); ++i) {
    const bool last = i + 1 == types.size();
    const void* tab = p == end ? nullptr : std::memchr(p, '\t', static_cast<std::size_t>(end - p));
    if (last != (tab == nullptr)) return false;
    const char* const stop = last ? end : static_cast<const char*>(tab);
    const std::string_view field(p, static_cast<std::size_t>(stop - p));
    p = last ? end : stop + 1;
    if (field == "\\N") {
      PutNull(out);
    } else if (field.empty() || std::memchr(field.data(), '\\', field.size()) == nullptr) {
      encoder_.Append(out, *types[i], field);
    } else {
      if (!Unescape(field)) return false;
      encoder_.Append(out, *types[i], scratch_);
    }
  }
  return true;
}

bool CopyRowDecoder::Field(std::string_view line, std::size_t column, std::string& text) {
  if (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  for (; column > 0; --column) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) return false;
    line.remove_prefix(tab + 1);
  }
  const std::string_view field = line.substr(0, line.find('\t'));
  if (field == "\\N" || !Unescape(field)) return false;
  text = scratch_;
  return true;
}

}  // namespace headgate::postgres
