#include "connectors/mysql/column.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace headgate::mysql {
namespace {

using F = Form;
using K = TypeKind;
using T = ColumnType;

constexpr std::uint8_t kFloatBytes = 4;
constexpr std::uint8_t kDoubleBytes = 8;

struct Known {
  std::string_view base;  // DATA_TYPE of the information schema
  Form form;
  TypeKind kind;
  ColumnType stored;
  std::uint8_t meta;  // of blobs: bytes of a length
};
// Sorted by name.
constexpr Known kKnown[] = {
    {"bigint", F::kInt, K::kInt64, T::kLongLong, 0},
    {"binary", F::kBytes, K::kBytes, T::kString, 0},
    {"bit", F::kBits, K::kBits, T::kBit, 0},
    {"blob", F::kBytes, K::kBytes, T::kBlob, 2},
    {"char", F::kText, K::kText, T::kString, 0},
    {"date", F::kDate, K::kDate, T::kDate, 0},
    {"datetime", F::kDatetime, K::kTimestamp, T::kDatetime2, 0},
    {"decimal", F::kDecimal, K::kDecimal, T::kNewDecimal, 0},
    {"double", F::kDouble, K::kDouble, T::kDouble, kDoubleBytes},
    {"enum", F::kEnum, K::kEnum, T::kEnum, 0},
    {"float", F::kFloat, K::kFloat, T::kFloat, kFloatBytes},
    {"geomcollection", F::kGeometry, K::kGeometry, T::kGeometry, 4},
    {"geometry", F::kGeometry, K::kGeometry, T::kGeometry, 4},
    {"geometrycollection", F::kGeometry, K::kGeometry, T::kGeometry, 4},
    {"inet4", F::kInet4, K::kNetwork, T::kString, 0},
    {"inet6", F::kInet6, K::kNetwork, T::kString, 0},
    {"int", F::kInt, K::kInt32, T::kLong, 0},
    {"json", F::kJson, K::kJsonb, T::kJson, 4},
    {"linestring", F::kGeometry, K::kGeometry, T::kGeometry, 4},
    {"longblob", F::kBytes, K::kBytes, T::kBlob, 4},
    {"longtext", F::kText, K::kText, T::kBlob, 4},
    {"mediumblob", F::kBytes, K::kBytes, T::kBlob, 3},
    {"mediumint", F::kInt, K::kInt32, T::kInt24, 0},
    {"mediumtext", F::kText, K::kText, T::kBlob, 3},
    {"multilinestring", F::kGeometry, K::kGeometry, T::kGeometry, 4},
    {"multipoint", F::kGeometry, K::kGeometry, T::kGeometry, 4},
    {"multipolygon", F::kGeometry, K::kGeometry, T::kGeometry, 4},
    {"point", F::kGeometry, K::kGeometry, T::kGeometry, 4},
    {"polygon", F::kGeometry, K::kGeometry, T::kGeometry, 4},
    {"set", F::kSet, K::kSet, T::kSet, 0},
    {"smallint", F::kInt, K::kInt16, T::kShort, 0},
    {"text", F::kText, K::kText, T::kBlob, 2},
    {"time", F::kTime, K::kTime, T::kTime2, 0},
    {"timestamp", F::kTimestamp, K::kTimestampTz, T::kTimestamp2, 0},
    {"tinyblob", F::kBytes, K::kBytes, T::kBlob, 1},
    {"tinyint", F::kInt, K::kInt16, T::kTiny, 0},
    {"tinytext", F::kText, K::kText, T::kBlob, 1},
    {"uuid", F::kUuid, K::kUuid, T::kString, 0},
    {"varbinary", F::kBytes, K::kBytes, T::kVarchar, 0},
    {"varchar", F::kText, K::kText, T::kVarchar, 0},
    {"vector", F::kVector, K::kArray, T::kVector, 4},
    {"year", F::kYear, K::kInt16, T::kYear, 0},
};

struct Words {
  std::string base;
  std::vector<std::string> arguments;  // numbers, or labels without quotes
  bool is_unsigned = false;
  bool compressed = false;
};

// "enum('a','it''s')": quotes and backslashes are doubled or escaped in labels.
void TakeLabel(std::string_view& text, std::string& label) {
  text.remove_prefix(1);
  while (!text.empty()) {
    if (text[0] == '\'') {
      if (text.size() < 2 || text[1] != '\'') break;
      text.remove_prefix(1);
    }
    label.push_back(text[0]);
    text.remove_prefix(1);
  }
  if (!text.empty()) text.remove_prefix(1);
}

Words SplitType(std::string_view text) {
  Words words;
  std::size_t i = 0;
  while (i < text.size() && text[i] != '(' && text[i] != ' ') ++i;
  words.base = text.substr(0, i);
  text.remove_prefix(i);
  if (!text.empty() && text[0] == '(') {
    text.remove_prefix(1);
    while (!text.empty() && text[0] != ')') {
      if (text[0] == '\'') {
        TakeLabel(text, words.arguments.emplace_back());
      } else if (text[0] == ',' || text[0] == ' ') {
        text.remove_prefix(1);
      } else {
        const std::size_t end = std::min(text.find_first_of(",)"), text.size());
        words.arguments.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
      }
    }
  }
  words.is_unsigned =
      text.find("unsigned") != std::string_view::npos || text.find("zerofill") != std::string_view::npos;
  words.compressed = text.find("COMPRESSED") != std::string_view::npos;
  return words;
}

std::int32_t Argument(const Words& words, std::size_t i, std::int32_t otherwise) {
  if (i >= words.arguments.size()) return otherwise;
  const std::string& text = words.arguments[i];
  std::int32_t v = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), v);
  return v;
}

// Unsigned integers are one size up, but for the largest.
TypeKind UnsignedKind(std::string_view base) {
  if (base == "tinyint") return K::kInt16;
  if (base == "smallint" || base == "mediumint") return K::kInt32;
  return base == "int" ? K::kInt64 : K::kUint;
}

void SetModifiers(const Words& words, ColumnPlan& plan) {
  DataType& type = plan.column.type;
  ColumnReader& reader = plan.reader;
  switch (reader.form) {
    case F::kInt:
      type.length = Argument(words, 0, 0);  // what is shown of it, if that is declared
      break;
    case F::kFloat:
    case F::kDouble:
      type.precision = Argument(words, 0, -1);
      type.scale = Argument(words, 1, 0);
      break;
    case F::kDecimal:
      type.precision = Argument(words, 0, 10);
      type.scale = Argument(words, 1, 0);
      reader.digits = static_cast<std::uint8_t>(type.scale);
      reader.stored.meta = static_cast<std::uint16_t>(type.precision);
      reader.stored.scale = reader.digits;
      break;
    case F::kTime:
    case F::kDatetime:
    case F::kTimestamp:
      type.precision = Argument(words, 0, 0);
      reader.digits = static_cast<std::uint8_t>(std::clamp(type.precision, 0, 6));
      reader.stored.meta = reader.digits;
      break;
    case F::kBits:
      type.length = Argument(words, 0, 1);
      reader.length = type.length;
      reader.stored.meta = static_cast<std::uint16_t>(type.length / 8);
      reader.stored.scale = static_cast<std::uint8_t>(type.length % 8);
      break;
    case F::kText:
    case F::kBytes:
      type.length = Argument(words, 0, words.base == "binary" || words.base == "char" ? 1 : 0);
      if (words.base == "binary") reader.length = type.length;
      break;
    case F::kEnum:
    case F::kSet:
      reader.labels = words.arguments;
      break;
    default:
      break;
  }
}

bool IsBlob(ColumnType type) {
  return type == T::kBlob || type == T::kTinyBlob || type == T::kMediumBlob || type == T::kLongBlob ||
         type == T::kBlobCompressed;
}
bool IsString(ColumnType type) {
  return type == T::kString || type == T::kVarString || type == T::kVarchar || type == T::kVarcharCompressed;
}

bool SameStorage(const MapColumn& stored, const MapColumn& expected) {
  if (IsBlob(expected.type)) return IsBlob(stored.type);
  if (IsString(expected.type)) return IsString(stored.type);
  switch (stored.type) {
    case T::kTime:
      return expected.type == T::kTime2;
    case T::kDatetime:
      return expected.type == T::kDatetime2;
    case T::kTimestamp:
      return expected.type == T::kTimestamp2;
    case T::kTime2:
    case T::kDatetime2:
    case T::kTimestamp2:
    case T::kNewDecimal:
    case T::kBit:
      return stored.type == expected.type && stored.meta == expected.meta && stored.scale == expected.scale;
    default:
      return stored.type == expected.type;
  }
}

std::string Quoted(const std::vector<std::string>& labels, TextDecoder& decoder, Charset charset) {
  std::string out;
  for (const std::string& label : labels) {
    std::string text;
    if (!decoder.Append(text, charset, label)) text = label;
    out += out.empty() ? "'" : ",'";
    for (const char c : text) {
      if (c == '\'') out.push_back('\'');
      out.push_back(c);
    }
    out.push_back('\'');
  }
  return out;
}

std::string_view BlobName(std::uint16_t length_bytes, bool text) {
  constexpr std::string_view kBlobs[][2] = {
      {"tinyblob", "tinytext"}, {"blob", "text"}, {"mediumblob", "mediumtext"}, {"longblob", "longtext"}};
  return kBlobs[std::clamp<std::size_t>(length_bytes, 1, 4) - 1][text ? 1 : 0];
}

std::size_t BytesMax(Charset charset, std::uint16_t collation) {
  switch (charset) {
    case Charset::kUtf8: {
      const bool three = collation == 33 || collation == 83 || collation == 76 || (collation >= 192 && collation < 224);
      return three ? 3 : 4;
    }
    case Charset::kUtf16:
    case Charset::kUtf16le:
    case Charset::kUtf32:
    case Charset::kGb18030:
      return 4;
    case Charset::kUjis:
    case Charset::kEucjpms:
      return 3;
    case Charset::kUcs2:
      return 2;
    default:
      return charset >= kFirstMultiByte ? 2 : 1;
  }
}

std::string WithLength(std::string_view name, std::size_t length) {
  return std::string(name) + "(" + std::to_string(length) + ")";
}

std::string NameOfStored(const MapColumn& column, Charset charset, TextDecoder& decoder) {
  const auto digits = [&](std::string_view name) {
    return column.meta == 0 ? std::string(name) : WithLength(name, column.meta);
  };
  const bool text = charset != Charset::kBinary;
  const std::size_t characters = column.meta / BytesMax(charset, column.charset);
  constexpr std::string_view kShapes[] = {"geometry",   "point",           "linestring",   "polygon",
                                          "multipoint", "multilinestring", "multipolygon", "geometrycollection"};
  switch (column.type) {
    case T::kTiny:
      return "tinyint";
    case T::kShort:
      return "smallint";
    case T::kInt24:
      return "mediumint";
    case T::kLong:
      return "int";
    case T::kLongLong:
      return "bigint";
    case T::kFloat:
      return "float";
    case T::kDouble:
      return "double";
    case T::kNewDecimal:
      return "decimal(" + std::to_string(column.meta) + "," + std::to_string(column.scale) + ")";
    case T::kYear:
      return "year";
    case T::kDate:
    case T::kNewDate:
      return "date";
    case T::kTime:
      return "time";
    case T::kTime2:
      return digits("time");
    case T::kDatetime:
      return "datetime";
    case T::kDatetime2:
      return digits("datetime");
    case T::kTimestamp:
      return "timestamp";
    case T::kTimestamp2:
      return digits("timestamp");
    case T::kBit:
      return WithLength("bit", column.meta * 8U + column.scale);
    case T::kEnum:
      return "enum(" + Quoted(column.labels, decoder, charset) + ")";
    case T::kSet:
      return "set(" + Quoted(column.labels, decoder, charset) + ")";
    case T::kJson:
      return "json";
    case T::kGeometry:
      return std::string(kShapes[column.geometry < std::size(kShapes) ? column.geometry : 0]);
    case T::kVector:
      return column.dimensions == 0 ? "vector" : WithLength("vector", column.dimensions);
    case T::kString:
      return WithLength(text ? "char" : "binary", characters);
    default:
      if (IsBlob(column.type)) return std::string(BlobName(column.meta, text));
      return IsString(column.type) ? WithLength(text ? "varchar" : "varbinary", characters) : "";
  }
}

}  // namespace

ColumnPlan PlanOf(const Declaration& declaration, Flavor flavor) {
  ColumnPlan plan;
  Column& column = plan.column;
  ColumnReader& reader = plan.reader;
  const Words words = SplitType(declaration.type);
  column.name = declaration.name;
  column.nullable = declaration.nullable;
  column.generated = declaration.generated;
  column.default_expression = declaration.default_value;
  column.charset = declaration.charset;
  column.auto_increment = declaration.auto_increment;
  column.comment = declaration.comment;
  column.type.family = TypeFamily::kMysql;
  column.type.declared = declaration.type;
  column.type.base = words.base;
  reader.stored.name = declaration.name;
  reader.stored.nullable = declaration.nullable;
  reader.stored.is_unsigned = words.is_unsigned;
  const Known* const known = std::ranges::lower_bound(kKnown, words.base, {}, &Known::base);
  if (known == std::end(kKnown) || known->base != words.base) return plan;
  reader.form = known->form;
  reader.stored.type = known->stored;
  reader.stored.meta = known->meta;
  column.type.kind = known->kind;
  reader.charset = CharsetNamed(declaration.charset).value_or(Charset::kBinary);
  if (known->form == F::kInt && words.is_unsigned) {
    column.type.kind = UnsignedKind(words.base);
    if (column.type.kind == K::kUint) reader.form = F::kUint;
  } else if (known->form == F::kText && declaration.json) {
    reader.form = F::kJsonText;
    column.type.kind = K::kJson;
  } else if (known->form == F::kVector) {
    DataType& element = column.type.children.emplace_back();
    element.kind = K::kFloat;
    element.base = element.declared = "float";
    element.family = TypeFamily::kMysql;
    if (flavor == Flavor::kMariadb) reader.stored.type = T::kVarchar;
  }
  SetModifiers(words, plan);
  return plan;
}

Declaration DeclarationOf(const MapColumn& column, TextDecoder& decoder) {
  Declaration declaration;
  declaration.name = column.name;
  declaration.nullable = column.nullable;
  const Charset charset = CharsetOf(column.charset).value_or(Charset::kBinary);
  declaration.type = NameOfStored(column, charset, decoder);
  if (column.is_unsigned && column.type != T::kYear) declaration.type += " unsigned";
  const bool text = IsBlob(column.type) || IsString(column.type) || column.type == T::kEnum || column.type == T::kSet;
  if (text && charset != Charset::kBinary) declaration.charset = NameOf(charset);
  return declaration;
}

bool Fits(const MapColumn& stored, const ColumnPlan& plan) {
  const ColumnReader& reader = plan.reader;
  if (reader.form == F::kUnknown || !SameStorage(stored, reader.stored)) return false;
  if ((reader.form == F::kInt || reader.form == F::kUint) && stored.is_unsigned != reader.stored.is_unsigned)
    return false;
  if (!stored.labels.empty() && stored.labels.size() != reader.labels.size()) return false;
  const bool text = reader.form == F::kText || reader.form == F::kJsonText || reader.form == F::kEnum ||
                    reader.form == F::kSet || (reader.form == F::kBytes && stored.charset != 0);
  if (!text || stored.charset == 0) return true;
  return CharsetOf(stored.charset) == reader.charset;
}

}  // namespace headgate::mysql
