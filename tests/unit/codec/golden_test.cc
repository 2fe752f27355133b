#include <gtest/gtest.h>

#include "tests/support/golden_sets.h"
#include "tests/unit/codec/golden_model.h"

// The `debezium` rendering of typed values, byte by byte against what upstream wrote (tests/golden/README.md).
namespace headgate {
namespace {

using codec::EventContext;
using testing::GoldenModel;
using testing::GoldenRecord;
using testing::Joined;

const std::filesystem::path kRoot = HG_GOLDEN_DIR;

const GoldenModel& Model() {
  static const GoldenModel model(kRoot / "model.jsonl");
  return model;
}

// Not in the model: they need functions of PostGIS or pgvector.
const std::vector<std::string> kNotModelled = {
    "srv.g.dp84_toast_geometry",
    "srv.g.dp84_toast_vector",
    "srv.g.f_notnull_sparsevec",
    "srv.g.x_toast_geometry_notnull",
};

class Golden : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    ASSERT_EQ(Model().error(), "");
    auto rendering = testing::GoldenRendering::Of(kRoot, GetParam());
    ASSERT_TRUE(rendering.ok()) << rendering.error().what;
    rendering_ = std::make_unique<testing::GoldenRendering>(std::move(rendering).value());
  }

  // Renders what `replay` feeds; a record that is parked fails the test.
  template <class Replay>
  std::vector<GoldenRecord> Render(Replay replay) {
    std::vector<GoldenRecord> records;
    replay([&](const std::string& table) { return rendering_->Captures(table); },
           [&](const EventContext& event) {
             const Status status = rendering_->Append(event, records);
             EXPECT_TRUE(status.ok()) << status.error().what;
           });
    return records;
  }

  static void Expect(const std::vector<std::string>& differences) {
    for (std::size_t i = 0; i < std::min<std::size_t>(differences.size(), 20); ++i)
      ADD_FAILURE() << differences[i].substr(0, 3000);
    EXPECT_EQ(differences.size(), 0u);
  }

  std::unique_ptr<testing::GoldenRendering> rendering_;
};

TEST_P(Golden, SnapshotIsWhatUpstreamWrote) {
  auto rendered = Render([](const auto& captured, const auto& see) { Model().Snapshot(captured, see); });
  rendering_->LeaveOutLargeRows(rendered);
  Expect(testing::CompareSnapshot(
      rendered, rendering_->set().snapshot,
      Joined(Joined(testing::GoldenDefects(), testing::GoldenSnapshotDefects()), kNotModelled)));
}

TEST_P(Golden, StreamIsWhatUpstreamWrote) {
  const auto rendered = Render([](const auto& captured, const auto& see) { Model().Stream(captured, see); });
  Expect(
      testing::CompareStream(rendered, rendering_->set().stream,
                             Joined(Joined(testing::GoldenDefects(), testing::GoldenStreamDefects()), kNotModelled)));
}

INSTANTIATE_TEST_SUITE_P(Sets, Golden, ::testing::ValuesIn(testing::GoldenSetNames()),
                         [](const auto& set) { return set.param; });

}  // namespace
}  // namespace headgate
