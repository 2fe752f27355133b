#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "tests/integration/golden/golden_run.h"
#include "tests/integration/golden/native_cases.h"
#include "tests/support/require.h"

namespace headgate::test {

inline const std::filesystem::path kGoldenRoot = HG_GOLDEN_DIR;

// Tests that look at one run of the golden statements and of those of NativeScript. The first test of the program makes
// it, the others share it.
class GoldenTest : public ::testing::Test {
 protected:
  static Result<std::shared_ptr<const GoldenRun>> MakeOnce() {
    if (run_ != nullptr) return run_;
    HG_ASSIGN_OR_RETURN(auto made, GoldenRun::Make(kGoldenRoot, NativeScript()));
    return std::shared_ptr<const GoldenRun>(std::move(made));
  }

  static inline std::shared_ptr<const GoldenRun> run_;

 private:
  // The run goes before the program's other statics do.
  class AtEnd final : public ::testing::Environment {
    void TearDown() override { run_.reset(); }
  };
  static inline ::testing::Environment* const at_end_ = ::testing::AddGlobalTestEnvironment(new AtEnd);
};

}  // namespace headgate::test

// Makes the run, or leaves the test: skipped if the server is not installed.
#define HG_GOLDEN_RUN() HG_WITH_SERVER("postgres", run_, MakeOnce())
