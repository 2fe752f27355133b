#include "tests/sql/random_query.h"

namespace headgate::test {
namespace {

std::string Parted(const std::vector<std::string>& parts, const std::string& by) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) out += (i > 0 ? by : "") + parts[i];
  return out;
}

}  // namespace

const char* RandomQuery::Schema() {
  return "CREATE TABLE a (id int PRIMARY KEY, k int, g text, n numeric(10,2));"
         "CREATE TABLE b (id int PRIMARY KEY, k int, s text, d date);"
         "CREATE TABLE c (k int, v int)";
}

std::string RandomQuery::Constant(Kind kind) {
  if (OneIn(8)) return "NULL";
  switch (kind) {
    case Kind::kInt:
      return std::to_string(Below(4));
    case Kind::kText:
      return Any<std::string>({"'x'", "'y'", "'p'", "''"});
    case Kind::kNumeric:  // of one scale: which of 1.5 and 1.50 a group shows is nobody's promise
      return Any<std::string>({"1.50", "0.00", "-3.00", "2.25"});
    case Kind::kDate:
      return Any<std::string>({"DATE '2024-01-31'", "DATE '2024-02-29'"});
  }
  return "NULL";
}

std::string RandomQuery::Value(Kind kind, const std::vector<Column>& columns, int depth) {
  std::vector<std::string> fitting;
  for (const Column& column : columns) {
    if (column.kind == kind) fitting.push_back(column.name);
  }
  const auto leaf = [&] { return fitting.empty() || OneIn(6) ? Constant(kind) : Any(fitting); };
  if (depth <= 0 || OneIn(2)) return leaf();
  switch (Below(5)) {
    case 0:
      return "coalesce(" + Value(kind, columns, depth - 1) + ", " + leaf() + ")";
    case 1:
      return "CASE WHEN " + Condition(columns, depth - 1) + " THEN " + Value(kind, columns, depth - 1) + " ELSE " +
             leaf() + " END";
    case 2:
      return "nullif(" + leaf() + ", " + leaf() + ")";
    case 3:
      return "greatest(" + leaf() + ", " + leaf() + ")";
    default:
      if (kind == Kind::kInt || kind == Kind::kNumeric) return "(" + leaf() + (OneIn(2) ? " + " : " * ") + leaf() + ")";
      return leaf();
  }
}

std::string RandomQuery::Condition(const std::vector<Column>& columns, int depth) {
  const Kind kind = columns.empty() ? Kind::kInt : Any(columns).kind;
  if (depth > 0 && OneIn(3)) {
    const std::string a = Condition(columns, depth - 1);
    if (OneIn(4)) return "NOT (" + a + ")";
    return "(" + a + (OneIn(2) ? " AND " : " OR ") + Condition(columns, depth - 1) + ")";
  }
  if (depth > 1 && OneIn(4)) return Subquery(columns, depth - 2);
  const std::string value = Value(kind, columns, 0);
  switch (Below(6)) {
    case 0:
      return value + (OneIn(2) ? " IS NULL" : " IS NOT NULL");
    case 1:
      return value + " IS DISTINCT FROM " + Value(kind, columns, 0);
    case 2:
      return value + (OneIn(4) ? " NOT IN (" : " IN (") + Constant(kind) + ", " + Constant(kind) + ")";
    case 3:
      return value + " BETWEEN " + Constant(kind) + " AND " + Value(kind, columns, 0);
    default:
      return value + Any<std::string>({" = ", " <> ", " < ", " >= "}) + Value(kind, columns, 0);
  }
}

// EXISTS, IN, or a comparison with one value; often correlated.
std::string RandomQuery::Subquery(const std::vector<Column>& columns, int depth) {
  const std::vector<Kind> one = {Kind::kInt};
  switch (Below(4)) {
    case 0:
      return std::string(OneIn(2) ? "NOT " : "") + "EXISTS (" + Select(columns, depth, &one) + ")";
    case 1:
      return Value(Kind::kInt, columns, 0) + (OneIn(3) ? " NOT IN (" : " IN (") + Select(columns, depth, &one) + ")";
    default: {
      const From from = Relations(0);
      std::vector<Column> all = from.columns;
      all.insert(all.end(), columns.begin(), columns.end());
      return Value(Kind::kInt, columns, 0) + Any<std::string>({" = ", " < ", " >= "}) + "(SELECT " +
             Any<std::string>({"max", "min", "count"}) + "(" + Value(Kind::kInt, from.columns, 0) + ")" + from.text +
             " WHERE " + Condition(all, 0) + ")";
    }
  }
}

RandomQuery::From RandomQuery::Relation(int depth) {
  const std::string name = "r" + std::to_string(names_++);
  From from;
  if (depth > 0 && OneIn(4)) {
    const std::vector<Kind> kinds = {Kind::kInt, Any<Kind>({Kind::kInt, Kind::kText, Kind::kNumeric})};
    from.text = "(" + Select({}, depth - 1, &kinds) + ") AS " + name + "(x, y)";
    from.columns = {{name + ".x", kinds[0]}, {name + ".y", kinds[1]}};
    return from;
  }
  switch (Below(3)) {
    case 0:
      from.text = "a AS " + name;
      from.columns = {{name + ".id", Kind::kInt},
                      {name + ".k", Kind::kInt},
                      {name + ".g", Kind::kText},
                      {name + ".n", Kind::kNumeric}};
      break;
    case 1:
      from.text = "b AS " + name;
      from.columns = {{name + ".id", Kind::kInt},
                      {name + ".k", Kind::kInt},
                      {name + ".s", Kind::kText},
                      {name + ".d", Kind::kDate}};
      break;
    default:
      from.text = "c AS " + name;
      from.columns = {{name + ".k", Kind::kInt}, {name + ".v", Kind::kInt}};
  }
  return from;
}

// Three or four relations, each tied to those before it.
RandomQuery::From RandomQuery::InnerJoins() {
  const auto int_of = [&](const From& from) {
    std::vector<std::string> names;
    for (const Column& column : from.columns) {
      if (column.kind == Kind::kInt) names.push_back(column.name);
    }
    return Any(names);
  };
  From from = Relation(0);
  from.text = " FROM " + from.text;
  for (int more = OneIn(3) ? 3 : 2; more > 0; --more) {
    const From next = Relation(0);
    std::string condition = int_of(from) + (OneIn(6) ? " IS NOT DISTINCT FROM " : " = ") + int_of(next);
    if (OneIn(3)) condition += " AND " + int_of(from) + " = " + int_of(next);
    from.columns.insert(from.columns.end(), next.columns.begin(), next.columns.end());
    if (OneIn(3)) condition += " AND " + Condition(from.columns, 0);
    from.text += " JOIN " + next.text + " ON " + condition;
  }
  return from;
}

RandomQuery::From RandomQuery::Relations(int depth) {
  if (depth > 1 && OneIn(4)) return InnerJoins();
  From from = Relation(depth);
  from.text = " FROM " + from.text;
  const int more = depth > 0 ? Below(3) : 0;
  for (int i = 0; i < more; ++i) {
    const From next = Relation(depth - 1);
    const std::string kind =
        Any<std::string>({" JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ", " JOIN ", " LEFT JOIN "});
    std::vector<std::string> equalities = {Value(Kind::kInt, from.columns, 0) + " = " +
                                           Value(Kind::kInt, next.columns, 0)};
    std::vector<Column> both = from.columns;
    both.insert(both.end(), next.columns.begin(), next.columns.end());
    // The server joins FULL only on conditions that it can hash or merge.
    if (kind != " FULL JOIN " && OneIn(3)) equalities.push_back(Condition(both, 0));
    if (kind == " FULL JOIN ") {
      std::vector<std::string> left;
      std::vector<std::string> right;
      for (const Column& column : from.columns) {
        if (column.kind == Kind::kInt) left.push_back(column.name);
      }
      for (const Column& column : next.columns) {
        if (column.kind == Kind::kInt) right.push_back(column.name);
      }
      equalities = {Any(left) + " = " + Any(right)};
    }
    from.text += kind + next.text + " ON " + Parted(equalities, " AND ");
    from.columns = std::move(both);
  }
  return from;
}

std::string RandomQuery::Aggregate(Kind& kind, const std::vector<Column>& columns) {
  const std::string filter = OneIn(4) ? " FILTER (WHERE " + Condition(columns, 0) + ")" : "";
  const std::string distinct = OneIn(4) ? "DISTINCT " : "";
  kind = Kind::kInt;
  switch (Below(5)) {
    case 0:
      return "count(*)" + filter + "::int";
    case 1:
      return "count(" + distinct + Value(Kind::kText, columns, 0) + ")" + filter + "::int";
    case 2:
      return "sum(" + distinct + Value(Kind::kInt, columns, 1) + ")" + filter + "::int";
    case 3:
      return Any<std::string>({"min(", "max("}) + Value(Kind::kInt, columns, 0) + ")" + filter;
    default:
      kind = Kind::kNumeric;
      return Any<std::string>({"sum(", "min(", "max(", "avg("}) + Value(Kind::kNumeric, columns, 0) + "::numeric)" +
             filter;
  }
}

std::string RandomQuery::Select(const std::vector<Column>& outer, int depth, const std::vector<Kind>* kinds) {
  const From from = Relations(depth);
  std::vector<Column> all = from.columns;
  all.insert(all.end(), outer.begin(), outer.end());
  const std::string where = OneIn(2) ? " WHERE " + Condition(all, depth) : "";
  std::vector<std::string> outputs;
  if (kinds == nullptr && OneIn(3)) {  // grouped
    std::vector<std::string> groups;
    const int count = Below(3);
    for (int i = 0; i < count; ++i) groups.push_back(Any(from.columns).name);
    outputs = groups;
    const int aggregates = 1 + Below(3);
    for (int i = 0; i < aggregates; ++i) {
      Kind kind;
      outputs.push_back(Aggregate(kind, from.columns));
    }
    const std::string having = OneIn(3) ? " HAVING count(*) > " + std::to_string(Below(3)) : "";
    for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i] += " AS o" + std::to_string(i);
    return "SELECT " + Parted(outputs, ", ") + from.text + where +
           (groups.empty() ? "" : " GROUP BY " + Parted(groups, ", ")) + having;
  }
  std::vector<Kind> wanted;
  if (kinds != nullptr) {
    wanted = *kinds;
  } else {
    const int count = 1 + Below(3);
    for (int i = 0; i < count; ++i) wanted.push_back(Any(from.columns).kind);
  }
  const auto one = [&](const From& of, const std::vector<Column>& columns, const std::string& condition) {
    std::vector<std::string> values;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const char* const names[] = {"::int", "::text", "::numeric(20,4)", "::date"};
      values.push_back(Value(wanted[i], columns, depth) + names[static_cast<int>(wanted[i])] + " AS o" +
                       std::to_string(i));
    }
    return "SELECT " + std::string(OneIn(4) ? "DISTINCT " : "") + Parted(values, ", ") + of.text + condition;
  };
  const std::string first = one(from, all, where);
  if (depth <= 0 || !OneIn(5)) return first;
  const From other = Relations(depth - 1);
  std::vector<Column> others = other.columns;
  others.insert(others.end(), outer.begin(), outer.end());
  const std::string op =
      Any<std::string>({" UNION ", " UNION ALL ", " INTERSECT ", " INTERSECT ALL ", " EXCEPT ", " EXCEPT ALL "});
  return first + op + one(other, others, "");
}

std::string RandomQuery::Next() {
  names_ = 0;
  return Select({}, 2, nullptr);
}

std::string RandomQuery::NextChange() {
  const auto k = [&] { return Constant(Kind::kInt); };
  const std::string id = std::to_string(Below(12));
  switch (Below(9)) {
    case 0:
    case 1:
      return "INSERT INTO a VALUES (" + id + ", " + k() + ", " + Constant(Kind::kText) + ", " +
             Constant(Kind::kNumeric) + ")";
    case 2:
      return "INSERT INTO b VALUES (" + id + ", " + k() + ", " + Constant(Kind::kText) + ", " + Constant(Kind::kDate) +
             ")";
    case 3:
      return "INSERT INTO c VALUES (" + k() + ", " + k() + "), (" + k() + ", " + k() + ")";
    case 4:
      return "UPDATE a SET k = " + k() + ", g = " + Constant(Kind::kText) +
             " WHERE id % 3 = " + std::to_string(Below(3));
    case 5:
      return "UPDATE b SET k = " + k() + " WHERE k = " + k();
    case 6:
      return "UPDATE c SET v = v + 1 WHERE k = " + k();
    case 7:
      return "DELETE FROM " + Any<std::string>({"a", "b"}) + " WHERE id = " + id;
    default:
      return "DELETE FROM c WHERE v > " + std::to_string(Below(4));
  }
}

}  // namespace headgate::test
