#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"

namespace headgate {

// The kinds of typed values. The numbers are stored (core/log/FORMAT.md): never change one, only add.
// A value says its own kind, so a column may hold what its type does not foresee (text where a date was expected).
enum class ValueKind : std::uint8_t {
  kNull = 0,
  kAbsent = 1,  // the source did not send the column (unchanged TOAST, identity-only old row, NOBLOB)
  kBool = 2,
  kInt = 3,         // i: any signed integer up to 64 bits
  kUint = 4,        // u: unsigned (oid, xid, MySQL UNSIGNED)
  kFloat = 5,       // d: four-byte float
  kDouble = 6,      // d
  kDecimal = 7,     // text: the server's digits ("1.10"), or NaN, Infinity, -Infinity. Money too, as a plain number
  kText = 8,        // text: valid UTF-8
  kBytes = 9,       // text: raw bytes
  kRawText = 10,    // text: text whose bytes are not UTF-8
  kDate = 11,       // i: days since 1970-01-01; kInfinity, kMinusInfinity
  kTime = 12,       // i: microseconds since midnight, 24:00:00 allowed; MySQL: signed, beyond a day
  kTimeTz = 13,     // i as kTime in local time; aux: offset in seconds east of UTC
  kTimestamp = 14,  // i: microseconds since 2000-01-01 00:00 (PostgreSQL's epoch: its whole range fits); kInfinity, ...
  kTimestampTz = 15,  // the same, UTC
  kInterval = 16,     // aux: months, i2: days, i: microseconds
  kUuid = 17,         // text: 16 bytes
  kJson = 18,         // text: the server's JSON text. aux: bytes of its marked form, which lies right behind
  kBits = 19,         // text: '0' and '1', first bit first
  kArray = 20,        // text: payload, see ArrayReader
  kComposite = 21,    // text: payload, see CompositeReader
  // 22 is taken: a stored form of kJson, see PutMarkedJson
};

inline constexpr std::int64_t kInfinity = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t kMinusInfinity = std::numeric_limits<std::int64_t>::min();
// From PostgreSQL's epoch (2000-01-01) to Unix time, in microseconds.
inline constexpr std::int64_t kEpoch2000Us = 946'684'800'000'000;

// A view of one value; `text` points into the bytes it was read from.
struct Value {
  ValueKind kind = ValueKind::kNull;
  std::int32_t aux = 0;
  std::int32_t i2 = 0;
  union {
    std::int64_t i = 0;
    std::uint64_t u;
    double d;
    bool b;
  };
  std::string_view text;

  bool is_null() const { return kind == ValueKind::kNull; }
  bool is_absent() const { return kind == ValueKind::kAbsent; }
  // Of kJson: the marked form, or the text where there is none.
  std::string_view marked_json() const {
    return aux == 0 ? text : std::string_view(text.data() + text.size(), static_cast<std::size_t>(aux));
  }
};

// Appends one encoded value: a kind byte, then by kind a varint, fixed bytes or length-prefixed bytes.
void PutNull(std::string& out);
void PutAbsent(std::string& out);
void PutBool(std::string& out, bool v);
void PutInt(std::string& out, std::int64_t v);
void PutUint(std::string& out, std::uint64_t v);
void PutFloat(std::string& out, float v);
void PutDouble(std::string& out, double v);
void PutDate(std::string& out, std::int64_t days);
void PutTime(std::string& out, std::int64_t us);
void PutTimeTz(std::string& out, std::int64_t us, std::int32_t offset_seconds);
void PutTimestamp(std::string& out, std::int64_t us_since_2000);
void PutTimestampTz(std::string& out, std::int64_t us_since_2000);
void PutInterval(std::string& out, std::int32_t months, std::int32_t days, std::int64_t us);
void PutUuid(std::string& out, std::string_view sixteen_bytes);
// kDecimal, kText, kBytes, kRawText, kJson, kBits, kArray, kComposite.
void PutBlob(std::string& out, ValueKind kind, std::string_view bytes);
// kJson of MySQL where the text does not tell types that one rendering needs: the text, and the text again with an `m`
// behind every DECIMAL and without zeros at the end of the fraction of instants.
void PutMarkedJson(std::string& out, std::string_view text, std::string_view marked);

// Reads one value; on malformed bytes the reader fails and the value is null.
Value ReadValue(ByteReader& in);

// Equal as stored: same kind, same content (NaN equals NaN).
bool SameValue(const Value& a, const Value& b);

struct ArrayDimension {
  std::int64_t length;
  std::int64_t lower_bound;
};

// Payload of kArray: varint number of dimensions (0: empty array), then length and lower bound (signed) of each, then
// the elements in row-major order. Fails on dimensions that the bytes behind them cannot hold: a caller may walk them.
class ArrayReader {
 public:
  explicit ArrayReader(std::string_view payload);
  bool failed() const { return in_.failed(); }
  const std::vector<ArrayDimension>& dimensions() const { return dimensions_; }
  bool done() const { return in_.failed() || in_.done(); }
  Value Next() { return ReadValue(in_); }

 private:
  ByteReader in_;
  std::vector<ArrayDimension> dimensions_;
};
void PutArrayHeader(std::string& payload, const std::vector<ArrayDimension>& dimensions);

// Payload of kComposite: the attributes in order, without count; their names are in the schema.
class CompositeReader {
 public:
  explicit CompositeReader(std::string_view payload) : in_(payload) {}
  bool done() const { return in_.failed() || in_.done(); }
  Value Next() { return ReadValue(in_); }

 private:
  ByteReader in_;
};

}  // namespace headgate
