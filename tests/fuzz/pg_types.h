#pragma once

#include <string>
#include <vector>

#include "connectors/postgres/types.h"

// Types as a catalog would describe them, for the targets that read text forms of values.
namespace headgate::fuzz {

// An array of the element, and a type of that shape with attributes a, b, c.
inline postgres::TypePtr ArrayOf(const postgres::TypePtr& element) {
  postgres::TypeRow row;
  row.oid = 1;
  row.name = "_" + element->data.base;
  row.element_oid = element->data.oid;
  return postgres::MakeArray(row, element->data.declared + "[]", element);
}
inline postgres::TypePtr Pair(std::vector<postgres::TypePtr> three) {
  postgres::TypeRow row;
  row.name = "pair";
  row.type = 'c';
  return postgres::MakeComposite(row, "public.pair", {"a", "b", "c"}, std::move(three));
}
inline postgres::TypePtr BuiltIn(std::uint32_t oid, std::string name, std::int32_t typmod = -1) {
  postgres::TypeRow row;
  row.oid = oid;
  row.name = std::move(name);
  if (oid == 603) row.delimiter = ';';  // box, as pg_type says
  return postgres::MakeScalar(row, typmod, row.name, 2);
}
inline postgres::TypePtr Extension(std::string name) {
  postgres::TypeRow row;
  row.oid = 70'000;
  row.name = std::move(name);
  row.extension = true;
  return postgres::MakeScalar(row, -1, row.name, 2);
}

}  // namespace headgate::fuzz
