#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "web/json.h"

// What goes in and out of the API, in a notation short enough to stand in the route table, and as JSON Schema:
//
//   string int number bool any null            the types of JSON
//   time, big                                   a time (AP6); an integer of 64 bits as text
//   'on'|'off'                                  one of these texts
//   [T]                                         a list
//   {name: T, other?: T, *: T, ...Page}         an object: `?` may be absent, `*` further members, `...` those of a
//   name T?, A|B, (A|B)                              or null; one of several Snapshot a name of NamedShapes
namespace headgate::web {

struct NamedShape {
  std::string_view name;
  std::string_view shape;
};
// In order of name (named_shapes.cc).
std::span<const NamedShape> NamedShapes();

// Both CHECK that the notation is well-formed: it is our own.
Json SchemaOf(std::string_view shape);

struct Member {
  std::string name;  // "*": any other
  bool optional = false;
  Json schema;
};
// "name: T, other?: T": what stands between the braces.
std::vector<Member> MembersOf(std::string_view members);

}  // namespace headgate::web
