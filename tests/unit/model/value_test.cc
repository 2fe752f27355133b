#include "core/model/value.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "core/model/change.h"
#include "tests/unit/model/every_value.h"

namespace headgate {
namespace {

Value ReadOnly(std::string_view bytes) {
  ByteReader in(bytes);
  const Value v = ReadValue(in);
  EXPECT_FALSE(in.failed());
  EXPECT_TRUE(in.done());
  return v;
}

template <class T>
void ExpectInts(void (*put)(std::string&, T), ValueKind kind) {
  for (const T v :
       {std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), T{0}, T{1}, static_cast<T>(-1), T{127}, T{128}}) {
    std::string bytes;
    put(bytes, v);
    const Value back = ReadOnly(bytes);
    EXPECT_EQ(back.kind, kind);
    EXPECT_EQ(static_cast<T>(back.u), v);
  }
}

TEST(Value, NumbersKeepTheirExtremes) {
  ExpectInts<std::int64_t>(PutInt, ValueKind::kInt);
  ExpectInts<std::uint64_t>(PutUint, ValueKind::kUint);
  ExpectInts<std::int64_t>(PutDate, ValueKind::kDate);
  ExpectInts<std::int64_t>(PutTime, ValueKind::kTime);
  ExpectInts<std::int64_t>(PutTimestamp, ValueKind::kTimestamp);
  ExpectInts<std::int64_t>(PutTimestampTz, ValueKind::kTimestampTz);
}

TEST(Value, FloatsKeepEveryBitThatCounts) {
  for (const double v : {0.0, -0.0, 0.1, std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max(),
                         std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
    std::string bytes;
    PutDouble(bytes, v);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(ReadOnly(bytes).d), std::bit_cast<std::uint64_t>(v));
  }
  for (const float v : {0.1F, -0.0F, std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max(),
                        -std::numeric_limits<float>::infinity()}) {
    std::string bytes;
    PutFloat(bytes, v);
    EXPECT_EQ(bytes.size(), 5U);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(static_cast<float>(ReadOnly(bytes).d)), std::bit_cast<std::uint32_t>(v));
  }
  std::string nan;
  PutDouble(nan, std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(std::isnan(ReadOnly(nan).d));
}

TEST(Value, PartsOfIntervalsAndZonedTimesStayApart) {
  constexpr auto kLow = std::numeric_limits<std::int32_t>::min();
  constexpr auto kHigh = std::numeric_limits<std::int32_t>::max();
  std::string bytes;
  PutInterval(bytes, kLow, kHigh, kMinusInfinity);
  Value v = ReadOnly(bytes);
  EXPECT_EQ(v.kind, ValueKind::kInterval);
  EXPECT_EQ(v.aux, kLow);
  EXPECT_EQ(v.i2, kHigh);
  EXPECT_EQ(v.i, kMinusInfinity);
  bytes.clear();
  PutTimeTz(bytes, 86'400'000'000, -57'599);
  v = ReadOnly(bytes);
  EXPECT_EQ(v.kind, ValueKind::kTimeTz);
  EXPECT_EQ(v.i, 86'400'000'000);
  EXPECT_EQ(v.aux, -57'599);
}

TEST(Value, BytesOfEveryTextKindComeBackUntouched) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  for (const ValueKind kind : {ValueKind::kDecimal, ValueKind::kText, ValueKind::kBytes, ValueKind::kRawText,
                               ValueKind::kJson, ValueKind::kBits, ValueKind::kArray, ValueKind::kComposite}) {
    for (const std::string& text : {std::string(), all, std::string(200'000, 'x')}) {
      std::string bytes;
      PutBlob(bytes, kind, text);
      const Value v = ReadOnly(bytes);
      EXPECT_EQ(v.kind, kind);
      EXPECT_EQ(v.text, text);
    }
  }
  std::string uuid;
  PutUuid(uuid, all.substr(0, 16));
  EXPECT_EQ(ReadOnly(uuid).text, all.substr(0, 16));
}

TEST(Value, NullAbsentAndBooleansAreTold) {
  std::string row;
  PutNull(row);
  PutAbsent(row);
  PutBool(row, true);
  PutBool(row, false);
  std::vector<Value> values;
  ASSERT_TRUE(ReadRow(row, values).ok());
  ASSERT_EQ(values.size(), 4U);
  EXPECT_TRUE(values[0].is_null());
  EXPECT_FALSE(values[0].is_absent());
  EXPECT_TRUE(values[1].is_absent());
  EXPECT_TRUE(values[2].b);
  EXPECT_FALSE(values[3].b);
}

TEST(Value, SameValueIsTrueOnlyForTheSame) {
  const std::vector<std::string> encoded = test::EveryValue();
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    for (std::size_t j = 0; j < encoded.size(); ++j) {
      EXPECT_EQ(SameValue(ReadOnly(encoded[i]), ReadOnly(encoded[j])), i == j) << i << " and " << j;
    }
  }
  std::string one;
  std::string two;
  PutDouble(one, std::bit_cast<double>(0x7ff8000000000001ULL));
  PutDouble(two, std::bit_cast<double>(0x7ff8000000000002ULL));
  EXPECT_TRUE(SameValue(ReadOnly(one), ReadOnly(two))) << "NaN equals NaN";
}

TEST(Value, AnUnknownKindFailsTheReader) {
  for (int kind = 23; kind < 256; ++kind) {
    std::string bytes(1, static_cast<char>(kind));
    bytes.append(20, '\0');
    ByteReader reader(bytes);
    EXPECT_TRUE(ReadValue(reader).is_null());
    EXPECT_TRUE(reader.failed()) << kind;
  }
}

TEST(Row, EveryValueComesBackInOrder) {
  const std::vector<std::string> encoded = test::EveryValue();
  std::string row;
  for (const std::string& one : encoded) row += one;
  std::vector<Value> values;
  ASSERT_TRUE(ReadRow(row, values).ok());
  ASSERT_EQ(values.size(), encoded.size());
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_TRUE(SameValue(values[i], ReadOnly(encoded[i]))) << i;
}

TEST(Row, CutAtAnyByteIsShorterOrCorruptAndNeverMore) {
  std::string row;
  std::vector<std::size_t> ends = {0};
  for (const std::string& one : test::EveryValue()) {
    row += one;
    ends.push_back(row.size());
  }
  std::vector<Value> values;
  for (std::size_t cut = 0; cut < row.size(); ++cut) {
    const std::string exact(row.data(), cut);  // its own allocation: a read past the end shows under the sanitizer
    const Status status = ReadRow(exact, values);
    const bool whole = std::ranges::find(ends, cut) != ends.end();
    EXPECT_EQ(status.ok(), whole) << "cut at " << cut;
    EXPECT_TRUE(whole || status.error().kind == ErrorKind::kCorrupt);
  }
}

TEST(Array, DimensionsBoundsAndNestedElementsComeBack) {
  std::string payload;
  PutArrayHeader(payload, {{2, 1}, {3, -5}});
  for (int i = 0; i < 5; ++i) PutInt(payload, i);
  PutNull(payload);
  ArrayReader reader(payload);
  ASSERT_EQ(reader.dimensions().size(), 2U);
  EXPECT_EQ(reader.dimensions()[0].length, 2);
  EXPECT_EQ(reader.dimensions()[0].lower_bound, 1);
  EXPECT_EQ(reader.dimensions()[1].length, 3);
  EXPECT_EQ(reader.dimensions()[1].lower_bound, -5);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(reader.Next().i, i);
  EXPECT_FALSE(reader.done());
  EXPECT_TRUE(reader.Next().is_null());
  EXPECT_TRUE(reader.done());
  EXPECT_FALSE(reader.failed());
}

TEST(Array, EmptyHasNoDimensionAndNoElement) {
  std::string payload;
  PutArrayHeader(payload, {});
  ArrayReader reader(payload);
  EXPECT_TRUE(reader.dimensions().empty());
  EXPECT_TRUE(reader.done());
  EXPECT_FALSE(reader.failed());
}

TEST(Array, CutAtAnyByteNeverYieldsMoreElements) {
  std::string payload;
  PutArrayHeader(payload, {{3, 1}});
  for (const char* text : {"one", "two", "three"}) PutBlob(payload, ValueKind::kText, text);
  for (std::size_t cut = 0; cut < payload.size(); ++cut) {
    const std::string exact(payload.data(), cut);
    ArrayReader reader(exact);
    int elements = 0;
    while (!reader.done()) elements += reader.Next().kind == ValueKind::kText ? 1 : 0;
    EXPECT_LT(elements, 3);
  }
}

TEST(Array, ManyDimensionsAreRefusedBeforeTheyCostMemory) {
  std::string payload;
  PutVarint(payload, std::numeric_limits<std::uint64_t>::max());
  payload.append(1000, '\1');
  ArrayReader reader(payload);
  EXPECT_TRUE(reader.failed());
  EXPECT_TRUE(reader.done());
  EXPECT_TRUE(reader.dimensions().empty());
}

// Whoever walks the dimensions may trust them: a length of nothing inside a huge one would be an endless walk.
TEST(Array, DimensionsThatTheBytesCannotHoldAreRefused) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 40;
  const std::vector<std::vector<ArrayDimension>> all = {
      {{3, 1}}, {{kHuge, 1}, {0, 1}}, {{0, 1}}, {{-1, 1}}, {{kHuge, 1}, {kHuge, 1}}, {{2, kInfinity}}, {{2, -kHuge}}};
  for (const auto& dimensions : all) {
    std::string payload;
    PutArrayHeader(payload, dimensions);
    PutNull(payload);
    PutNull(payload);
    ArrayReader reader(payload);
    EXPECT_TRUE(reader.failed()) << dimensions[0].length << " from " << dimensions[0].lower_bound;
    EXPECT_TRUE(reader.done());
  }
}

TEST(Composite, AttributesComeBackAlsoNested) {
  std::string inner;
  PutInt(inner, 7);
  PutNull(inner);
  std::string payload;
  PutBlob(payload, ValueKind::kText, "a");
  PutBlob(payload, ValueKind::kComposite, inner);
  CompositeReader reader(payload);
  EXPECT_EQ(reader.Next().text, "a");
  const Value nested = reader.Next();
  EXPECT_EQ(nested.kind, ValueKind::kComposite);
  EXPECT_TRUE(reader.done());
  CompositeReader below(nested.text);
  EXPECT_EQ(below.Next().i, 7);
  EXPECT_TRUE(below.Next().is_null());
  EXPECT_TRUE(below.done());
}

}  // namespace
}  // namespace headgate
