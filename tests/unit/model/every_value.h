#pragma once

#include <string>
#include <vector>

#include "core/model/value.h"

namespace headgate::test {

// One or more encoded values of every kind, no two the same.
inline std::vector<std::string> EveryValue() {
  std::vector<std::string> all;
  const auto add = [&](auto put, auto... arguments) { put(all.emplace_back(), arguments...); };
  add(PutNull);
  add(PutAbsent);
  add(PutBool, true);
  add(PutBool, false);
  add(PutInt, std::int64_t{-7});
  add(PutInt, std::int64_t{7});
  add(PutInt, kInfinity);
  add(PutUint, std::uint64_t{7});
  add(PutFloat, 1.5F);
  add(PutDouble, 1.5);
  add(PutDouble, -0.0);
  add(PutDouble, 0.0);
  add(PutDate, std::int64_t{7});
  add(PutTime, std::int64_t{7});
  add(PutTimeTz, std::int64_t{7}, std::int32_t{3600});
  add(PutTimeTz, std::int64_t{7}, std::int32_t{-3600});
  add(PutTimestamp, std::int64_t{7});
  add(PutTimestampTz, std::int64_t{7});
  add(PutTimestampTz, kMinusInfinity);
  add(PutInterval, std::int32_t{1}, std::int32_t{2}, std::int64_t{3});
  add(PutInterval, std::int32_t{2}, std::int32_t{1}, std::int64_t{3});
  add(PutUuid, std::string_view("0123456789abcdef"));
  const auto blob = [&](ValueKind kind, std::string_view text) { PutBlob(all.emplace_back(), kind, text); };
  blob(ValueKind::kDecimal, "1.10");
  blob(ValueKind::kDecimal, "1.1");
  blob(ValueKind::kText, "1.10");
  blob(ValueKind::kText, "");
  blob(ValueKind::kBytes, "1.10");
  blob(ValueKind::kRawText, "\xff");
  blob(ValueKind::kJson, "{}");
  blob(ValueKind::kBits, "0101");
  std::string array;
  PutArrayHeader(array, {{2, 1}});
  PutInt(array, 1);
  PutNull(array);
  blob(ValueKind::kArray, array);
  std::string composite;
  PutInt(composite, 1);
  PutBlob(composite, ValueKind::kText, "x");
  blob(ValueKind::kComposite, composite);
  return all;
}

}  // namespace headgate::test
