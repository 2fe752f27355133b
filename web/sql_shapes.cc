#include "web/sql_shapes.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/codec/json_text.h"
#include "core/codec/native_value.h"
#include "core/sql/array_value.h"
#include "core/sql/column_type.h"

namespace headgate::web {
namespace {

struct Place {
  std::size_t line = 1;
  std::size_t column = 1;  // in characters
};

Place PlaceIn(std::string_view text, std::size_t offset) {
  Place place;
  for (std::size_t i = 0; i < std::min(offset, text.size()); ++i) {
    if (text[i] == '\n') {
      ++place.line;
      place.column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++place.column;
    }
  }
  return place;
}

void AppendDatum(std::string& out, sql::Type type, const sql::Datum& value) {
  if (value.null) {
    out += "null";
    return;
  }
  std::string bytes;
  sql::PutDatum(bytes, type, value);
  ByteReader in(bytes);
  codec::AppendNativeValue(out, ReadValue(in), sql::ToColumn(type), {});
}

}  // namespace

Response BadSql(const Request& request, const views::SqlError& error, std::string_view text, std::string_view pointer) {
  const Place place = PlaceIn(text, error.offset);
  const std::string hint = error.hint.empty() ? "" : " " + error.hint;
  return Fail(request, error.code == "2BP01" || error.code == "42P07" ? 409 : 422, error.message + "." + hint, "sql",
              {{std::string(pointer), error.message, place.line, place.column, error.hint}});
}

Response FailSql(const Request& request, const views::SqlError& error) {
  const std::string text = error.hint.empty() ? error.message : error.message + ". " + error.hint;
  const int status = error.code == "42P01" || error.code == "42703" ? 404
                     : error.code == "2BP01"                        ? 409
                     : error.code == "55000"                        ? 503
                     : error.code == "58000"                        ? 500
                                                                    : 422;
  return Fail(request, status, text);
}

void AppendRowObject(std::string& out, const views::Table& table, std::size_t row) {
  out.push_back('{');
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (c > 0) out.push_back(',');
    codec::AppendJsonString(out, table.columns[c].name);
    out.push_back(':');
    AppendDatum(out, table.columns[c].type, table.rows[row][c]);
  }
  out.push_back('}');
}

void AppendRowArray(std::string& out, const views::Table& table, std::size_t row) {
  out.push_back('[');
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (c > 0) out.push_back(',');
    AppendDatum(out, table.columns[c].type, table.rows[row][c]);
  }
  out.push_back(']');
}

Json ColumnsJson(const std::vector<sql::PlanColumn>& columns) {
  Json all = Json::array();
  for (const sql::PlanColumn& column : columns) {
    Json one;
    one["name"] = column.name;
    one["type"] = sql::Name(column.type);
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace headgate::web
