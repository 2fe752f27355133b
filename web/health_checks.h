#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "web/health.h"

// The parts of RunChecks: one function a kind of connector. Checks that cannot apply are not listed.
namespace headgate::web {

inline constexpr std::int64_t kSecond = 1'000'000;  // us

// Checks in the order they were added; of two with one id the worse one leads and tells of the other.
class CheckList {
 public:
  explicit CheckList(const HealthInput& input)
      : in(input), record(*input.record), status(*input.status), active(record.target == TargetState::kRunning) {}

  void Add(Check check);
  // Healthy, unless there is a worse one already.
  void AddHealthy(std::string id, std::string summary);
  // What the worker found itself. `id_of` gives the check a finding belongs to.
  void AddFindings(const std::vector<Finding>& findings, std::int64_t result_us,
                   std::string_view (*id_of)(std::string_view finding));
  bool Has(std::string_view id) const;
  std::vector<Check> Take() { return std::move(list_); }

  const HealthInput& in;
  const ConnectorRecord& record;
  const ConnectorStatus& status;
  const bool active;  // meant to run
  // For checks added from here on.
  std::int64_t result_us = 0;
  std::int64_t interval_us = 0;

 private:
  std::vector<Check> list_;
};

void SourceChecks(CheckList& list);
void SinkChecks(CheckList& list);

// The failure that the supervisor met, told as `id` unless the last run told it better in a finding.
void FailureCheck(CheckList& list, std::string_view id, const std::vector<Finding>* told, std::string hint);

std::string SecondsText(std::int64_t us);  // "31 s"
std::string BytesText(std::int64_t bytes);

}  // namespace headgate::web
