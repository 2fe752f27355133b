#include "core/codec/event_type.h"

#include <algorithm>
#include <iterator>

namespace headgate::codec {
namespace {

std::string_view Verb(Op op) {
  switch (op) {
    case Op::kInsert:
      return "created";
    case Op::kUpdate:
      return "updated";
    case Op::kDelete:
      return "deleted";
    case Op::kTruncate:
      return "truncated";
    default:
      return Name(op);
  }
}

bool IsTypeCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void AppendTypePart(std::string& out, std::string_view text) {
  for (const char c : text) out.push_back(IsTypeCharacter(c) ? c : '_');
}

}  // namespace

Result<std::vector<TypePiece>> ParseTypeTemplate(std::string_view rest) {
  using Kind = TypePiece::Kind;
  constexpr std::pair<std::string_view, Kind> kNames[] = {{"source", Kind::kSource},
                                                          {"schema", Kind::kSchema},
                                                          {"table", Kind::kTable},
                                                          {"op", Kind::kOp},
                                                          {"verb", Kind::kVerb}};
  std::vector<TypePiece> pieces;
  while (!rest.empty()) {
    const std::size_t open = std::min(rest.find('<'), rest.size());
    if (open > 0) pieces.push_back({Kind::kLiteral, std::string(rest.substr(0, open))});
    rest.remove_prefix(open);
    if (rest.empty()) break;
    const std::size_t close = rest.find('>');
    const std::string_view name = close == std::string_view::npos ? rest.substr(1) : rest.substr(1, close - 1);
    const auto* known =
        std::find_if(std::begin(kNames), std::end(kNames), [&](const auto& n) { return n.first == name; });
    if (close == std::string_view::npos || known == std::end(kNames))
      return ConfigError("has an unknown placeholder. It may hold <source>, <schema>, <table>, <op> and <verb>.");
    pieces.push_back({known->second, {}});
    rest.remove_prefix(close + 1);
  }
  return pieces;
}

std::string TypeOf(const std::vector<TypePiece>& pieces, std::string_view source, std::string_view schema,
                   std::string_view table, Op op) {
  using Kind = TypePiece::Kind;
  std::string raw;
  for (const TypePiece& piece : pieces) {
    switch (piece.kind) {
      case Kind::kLiteral:
        for (const char c : piece.text) raw.push_back(c == '.' || IsTypeCharacter(c) ? c : '_');
        break;
      case Kind::kSource:
        AppendTypePart(raw, source);
        break;
      case Kind::kSchema:
        AppendTypePart(raw, schema);
        break;
      case Kind::kTable:
        AppendTypePart(raw, table);
        break;
      case Kind::kOp:
        AppendTypePart(raw, Name(op));
        break;
      case Kind::kVerb:
        AppendTypePart(raw, Verb(op));
        break;
    }
  }
  std::string type;
  for (const char c : raw) {
    if (c != '.' || (!type.empty() && type.back() != '.')) type.push_back(c);
  }
  if (!type.empty() && type.back() == '.') type.pop_back();
  return type.empty() ? std::string(Name(op)) : type;
}

}  // namespace headgate::codec
