#pragma once

#include <string>
#include <string_view>

#include "core/views/views.h"
#include "web/http.h"
#include "web/json.h"

// What SQL gives and what is wrong with it, as JSON.
namespace headgate::web {

// 422 with line and column in the user's text (admin API, 4.3); `pointer` is the member that holds the text.
Response BadSql(const Request& request, const views::SqlError& error, std::string_view text, std::string_view pointer);
// The same for what was not read from a text: 404 for an unknown relation, 409 for what others need, else 422.
Response FailSql(const Request& request, const views::SqlError& error);

// {"a":1,"b":null}: the values as the native rendering of events has them.
void AppendRowObject(std::string& out, const views::Table& table, std::size_t row);
// [1,null]
void AppendRowArray(std::string& out, const views::Table& table, std::size_t row);
// [{"name":"a","type":"integer"},...]
Json ColumnsJson(const std::vector<sql::PlanColumn>& columns);

}  // namespace headgate::web
