#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/sql/type.h"

namespace headgate::sql {

// An interval, compared and hashed as PostgreSQL does: months of 30 days, days of 24 hours.
// A time with time zone: us of the day in local time, and in `days` its offset in seconds east of UTC.
struct Wide {
  std::int64_t us = 0;
  std::int32_t days = 0;
  std::int32_t months = 0;
  bool operator==(const Wide&) const = default;
};

// One value outside a vector: a constant, a key, a result. Which member counts follows from PhysicalOf its type.
//
// Forms of Physical::kString by type:
//   text, varchar, json       the text, UTF-8; char(n): without its trailing blanks
//   numeric                   Numeric::Encode (numeric.h)
//   bytea                     the bytes
//   uuid                      16 bytes
//   jsonb                     PostgreSQL's canonical text: {"a": 1, "b": [true, null]}
//   bit, varbit               '0' and '1'
//   inet, cidr, ranges        PostgreSQL's output text, canonical
//   arrays                    the payload of kArray in core/model/value.h (array_value.h)
struct Datum {
  bool null = true;
  union {
    bool b;
    std::int64_t i = 0;
    double d;
    Wide w;
  };
  std::string s;

  Datum() : i(0) {}
  static Datum Null() { return {}; }
  static Datum Of(bool v) {
    Datum out;
    out.null = false;
    out.b = v;
    return out;
  }
  static Datum Of(std::int64_t v) {
    Datum out;
    out.null = false;
    out.i = v;
    return out;
  }
  static Datum Of(double v) {
    Datum out;
    out.null = false;
    out.d = v;
    return out;
  }
  static Datum Of(Wide v) {
    Datum out;
    out.null = false;
    out.w = v;
    return out;
  }
  static Datum Of(std::string v) {
    Datum out;
    out.null = false;
    out.s = std::move(v);
    return out;
  }
};

}  // namespace headgate::sql
