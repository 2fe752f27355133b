#include "core/sql/functions/quote.h"

#include <algorithm>
#include <array>

#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/lift.h"

// quote_ident, quote_literal, quote_nullable: values as SQL writes them.
namespace headgate::sql {
namespace {

using Text = std::string_view;

// PostgreSQL 15's keywords save those that any name may be (pg_get_keywords), sorted.
constexpr auto kKeywords = std::to_array<Text>({"all",
                                                "analyse",
                                                "analyze",
                                                "and",
                                                "any",
                                                "array",
                                                "as",
                                                "asc",
                                                "asymmetric",
                                                "authorization",
                                                "between",
                                                "bigint",
                                                "binary",
                                                "bit",
                                                "boolean",
                                                "both",
                                                "case",
                                                "cast",
                                                "char",
                                                "character",
                                                "check",
                                                "coalesce",
                                                "collate",
                                                "collation",
                                                "column",
                                                "concurrently",
                                                "constraint",
                                                "create",
                                                "cross",
                                                "current_catalog",
                                                "current_date",
                                                "current_role",
                                                "current_schema",
                                                "current_time",
                                                "current_timestamp",
                                                "current_user",
                                                "dec",
                                                "decimal",
                                                "default",
                                                "deferrable",
                                                "desc",
                                                "distinct",
                                                "do",
                                                "else",
                                                "end",
                                                "except",
                                                "exists",
                                                "extract",
                                                "false",
                                                "fetch",
                                                "float",
                                                "for",
                                                "foreign",
                                                "freeze",
                                                "from",
                                                "full",
                                                "grant",
                                                "greatest",
                                                "group",
                                                "grouping",
                                                "having",
                                                "ilike",
                                                "in",
                                                "initially",
                                                "inner",
                                                "inout",
                                                "int",
                                                "integer",
                                                "intersect",
                                                "interval",
                                                "into",
                                                "is",
                                                "isnull",
                                                "join",
                                                "lateral",
                                                "leading",
                                                "least",
                                                "left",
                                                "like",
                                                "limit",
                                                "localtime",
                                                "localtimestamp",
                                                "national",
                                                "natural",
                                                "nchar",
                                                "none",
                                                "normalize",
                                                "not",
                                                "notnull",
                                                "null",
                                                "nullif",
                                                "numeric",
                                                "offset",
                                                "on",
                                                "only",
                                                "or",
                                                "order",
                                                "out",
                                                "outer",
                                                "overlaps",
                                                "overlay",
                                                "placing",
                                                "position",
                                                "precision",
                                                "primary",
                                                "real",
                                                "references",
                                                "returning",
                                                "right",
                                                "row",
                                                "select",
                                                "session_user",
                                                "setof",
                                                "similar",
                                                "smallint",
                                                "some",
                                                "substring",
                                                "symmetric",
                                                "table",
                                                "tablesample",
                                                "then",
                                                "time",
                                                "timestamp",
                                                "to",
                                                "trailing",
                                                "treat",
                                                "trim",
                                                "true",
                                                "union",
                                                "unique",
                                                "user",
                                                "using",
                                                "values",
                                                "varchar",
                                                "variadic",
                                                "verbose",
                                                "when",
                                                "where",
                                                "window",
                                                "with",
                                                "xmlattributes",
                                                "xmlconcat",
                                                "xmlelement",
                                                "xmlexists",
                                                "xmlforest",
                                                "xmlnamespaces",
                                                "xmlparse",
                                                "xmlpi",
                                                "xmlroot",
                                                "xmlserialize",
                                                "xmltable"});
static_assert(std::ranges::is_sorted(kKeywords));

bool IsPlainName(Text name) {
  const auto starts = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  const auto continues = [&starts](char c) { return starts(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && starts(name.front()) && std::ranges::all_of(name, continues) &&
         !std::ranges::binary_search(kKeywords, name);
}

// Characters of `doubled` twice.
void AppendDoubled(std::string& out, Text text, Text doubled) {
  for (const char c : text) {
    if (doubled.find(c) != Text::npos) out.push_back(c);
    out.push_back(c);
  }
}

std::string QuoteIdentifier(Text name) { return QuotedIdentifier(name); }
std::string QuoteLiteral(Text text) { return QuotedLiteral(text); }

// Of any value by its cast to text.
std::string TextOf(EvalContext& context, Type type, const Datum& value) {
  if (type.Is(TypeId::kBool)) return value.b ? "true" : "false";
  return ToText(type.Bare(), value, context.zone);
}

template <bool kNullable>
void QuoteAny(EvalContext& context, const CallSite& site, std::span<const Vector* const> arguments, const Rows& rows,
              Vector& out) {
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const std::uint32_t row = rows[n];
    const Datum value = arguments[0]->At(row);
    if (!value.null) {
      out.strings[row] = context.arena().Keep(QuotedLiteral(TextOf(context, site.arguments[0], value)));
    } else if (kNullable) {
      out.strings[row] = "NULL";
    } else {
      out.SetNull(row);
    }
  }
}

const Function kQuoteFunctions[] = {
    {"quote_ident", {kText}, kText, kLift<QuoteIdentifier>},
    {"quote_literal", {kText}, kText, kLift<QuoteLiteral>},
    {"quote_literal", {kAnyElement}, kText, QuoteAny<false>, false, kStable},
    {"quote_nullable", {kText}, kText, QuoteAny<true>},
    {"quote_nullable", {kAnyElement}, kText, QuoteAny<true>, false, kStable},
};

}  // namespace

std::string QuotedIdentifier(std::string_view name) {
  if (IsPlainName(name)) return std::string(name);
  std::string out = "\"";
  AppendDoubled(out, name, "\"");
  return out + "\"";
}

std::string QuotedLiteral(std::string_view text) {
  const bool escapes = text.find('\\') != std::string_view::npos;
  std::string out = escapes ? "E'" : "'";
  AppendDoubled(out, text, "'\\");
  return out + "'";
}

std::span<const Function> QuoteFunctions() { return kQuoteFunctions; }

}  // namespace headgate::sql
