// Rows go into a block and come out of it as they were, whatever they share.
#include "core/views/row_block.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>

namespace headgate::views {
namespace {

using sql::TypeId;

const std::vector<sql::Type> kBlockTypes = {TypeId::kText, TypeId::kInt8, TypeId::kText, TypeId::kNumeric,
                                            TypeId::kText};
const std::string kLong = "a text that is not worth repeating";
constexpr std::int64_t kWritten = 700'000'000'000'000;

std::string Stored(RowBlockWriter& writer) {
  const RowBlockWriter::Block block = writer.Take(kWritten);
  return std::string(block.head).append(block.rows);
}

std::optional<std::vector<std::string>> RowsOf(std::string_view block) {
  RowBlockReader reader(block);
  std::vector<std::string> rows;
  for (std::string_view row; reader.Next(row);) rows.emplace_back(row);
  if (reader.failed()) return std::nullopt;
  return rows;
}

// Rows of kBlockTypes whose texts are taken from a few.
sql::Batch SomeRows(std::mt19937& random, const std::vector<std::string>& texts, std::size_t rows) {
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  sql::Batch batch;
  batch.rows = rows;
  for (const sql::Type type : kBlockTypes) {
    auto column = std::make_shared<sql::Vector>(PhysicalOf(type), rows);
    for (std::size_t row = 0; row < rows; ++row) {
      if (below(6) == 0) {
        column->SetNull(row);
      } else if (PhysicalOf(type) == sql::Physical::kString) {
        column->strings[row] = texts[below(texts.size())];
      } else {
        column->ints[row] = static_cast<std::int64_t>(random()) - 1'000'000'000;
      }
    }
    batch.columns.push_back(column);
  }
  return batch;
}

TEST(RowBlock, RowsComeOutAsTheyWere) {
  std::mt19937 random(5);
  const std::vector<std::string> texts = {
      "", "short", kLong, std::string(300, 'x'), std::string(20'000, 'y'), "sixteen bytes ok"};
  RowBlockWriter writer(kBlockTypes);
  for (int block = 0; block < 40; ++block) {
    const sql::Batch batch = SomeRows(random, texts, 50);
    std::vector<std::string> expected;
    EXPECT_TRUE(writer.empty());
    for (std::size_t row = 0; row < batch.rows; ++row) {
      const auto times = static_cast<std::int64_t>(1 + random() % 2);
      writer.Add(batch, row, times);
      for (std::int64_t n = 0; n < times; ++n) expected.push_back(EncodeRow(kBlockTypes, batch, row));
    }
    const std::string stored = Stored(writer);
    EXPECT_EQ(RowsOf(stored), expected);
    EXPECT_EQ(RowBlockReader(stored).rows(), expected.size());
    EXPECT_EQ(RowBlockReader(stored).written_us(), kWritten);
  }
}

TEST(RowBlock, ATextThatRowsShareIsThereOnce) {
  std::mt19937 random(6);
  const std::vector<std::string> texts = {std::string(1000, 'x')};
  const sql::Batch batch = SomeRows(random, texts, 100);
  RowBlockWriter writer(kBlockTypes);
  for (std::size_t row = 0; row < batch.rows; ++row) writer.Add(batch, row, 1);
  EXPECT_LT(writer.bytes(), 6000U);  // a hundred rows of up to 4 000 bytes
}

TEST(RowBlock, AnAddressSaysNothingInTheNextBlock) {
  std::string text = kLong;
  sql::Batch batch;
  batch.rows = 1;
  auto column = std::make_shared<sql::Vector>(sql::Physical::kString, 1);
  column->strings[0] = text;
  batch.columns = {column};
  RowBlockWriter writer({TypeId::kText});
  writer.Add(batch, 0, 1);
  Stored(writer);
  text[0] = 'A';
  writer.Add(batch, 0, 1);
  const std::string stored = Stored(writer);
  EXPECT_EQ(RowsOf(stored), std::vector{EncodeRow(std::vector<sql::Type>{TypeId::kText}, batch, 0)});
}

TEST(RowBlock, BytesThatMakeNoSenseFail) {
  std::mt19937 random(7);
  const std::vector<std::string> texts = {kLong, std::string(200, 'x')};
  const sql::Batch batch = SomeRows(random, texts, 20);
  RowBlockWriter writer(kBlockTypes);
  for (std::size_t row = 0; row < batch.rows; ++row) writer.Add(batch, row, 1);
  const std::string good = Stored(writer);
  int failed = 0;
  for (std::size_t size = 0; size < good.size(); ++size) failed += RowsOf(good.substr(0, size)) ? 0 : 1;
  EXPECT_GT(failed, static_cast<int>(good.size()) - 25);  // but where a row ends
  for (int i = 0; i < 2000; ++i) {
    std::string bad = good;
    bad[random() % bad.size()] = static_cast<char>(random());
    RowsOf(bad);  // whatever comes of it
  }
  std::string ahead;  // a copy from where nothing is yet
  for (const std::uint64_t n : {1, 1, 1, 0, 5, 3, 0}) PutVarint(ahead, n);
  EXPECT_FALSE(RowsOf(ahead));
}

}  // namespace
}  // namespace headgate::views
