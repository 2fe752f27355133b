#pragma once

#include <cstdint>
#include <string>

#include "core/codec/native.h"

namespace headgate::postgres {

// A table by its name, and by its oid where that is known: another one may take over the name.
struct TableId {
  std::string schema;
  std::string name;
  std::uint32_t oid = 0;

  // As events name the stream: "a.b".c is another table than a."b.c".
  std::string Text() const { return codec::StreamName(schema, name); }
};

}  // namespace headgate::postgres
