#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "web/health.h"

namespace headgate::web {

// What health needs to remember: since when a check is as it is, and how figures moved over the last minutes. Lives on
// the API thread, which lets it look at every connector every few seconds.
class HealthBook {
 public:
  struct DatedCheck {
    Check check;
    std::int64_t since_us = 0;
    std::int64_t checked_us = 0;  // when the result was made
  };
  struct Report {
    std::string status;
    std::int64_t since_us = 0;
    bool rogue = false;
    std::string_view alarm;  // Alarm()
    std::vector<DatedCheck> checks;
    Movement movement;
    std::map<DeadLetter::State, std::uint64_t> letters;
  };
  // What moved over the last minute.
  struct Rates {
    double records_per_second = 0;
    std::vector<std::uint64_t> end_to_end_ms_buckets;  // counts of that minute, by kLatencyBoundsMs
  };

  // Looks at all connectors; forgets those that are gone.
  void Observe(Control& control);
  // How one is right now. Ends dismissals whose time or cause is over: what was dismissed comes back for good, with an
  // event.
  Report Look(Control& control, const ConnectorRecord& record);
  Rates RatesOf(const std::string& name, std::int64_t now_us) const;

 private:
  struct Sample {
    std::int64_t at_us = 0;
    std::uint64_t records = 0;  // source: written to the log; sink: delivered
    std::uint64_t attempts = 0;
    std::uint64_t failed = 0;
    std::int64_t retained_bytes = -1;
    std::vector<std::uint64_t> end_to_end_ms_buckets;  // cumulative over time and bounds
  };
  struct Page {
    std::int64_t created_us = 0;  // of the record: a connector of the same name that came later is another one
    std::deque<Sample> samples;   // oldest first, over the window of the thresholds, at least five minutes
    std::uint64_t position = 0;   // of ours
    std::int64_t moved_us = 0;    // when `position` moved, or when nothing was waiting
    std::map<std::string, std::pair<CheckStatus, std::int64_t>> since;
    std::map<std::string, std::int64_t> well_since;  // of dismissed checks
    std::string status;
    std::int64_t status_since_us = 0;
  };
  Page& PageOf(const ConnectorRecord& record, std::int64_t now_us);
  static void Note(Page& page, Control& control, const HealthInput& input);
  static Movement MovementOf(const Page& page, const HealthInput& input);
  static std::vector<std::string> DismissalsOver(Page& page, const HealthInput& input,
                                                 const std::vector<DatedCheck>& checks);
  static void EndDismissals(Control& control, const ConnectorRecord& record, const std::vector<std::string>& over);

  std::map<std::string, Page> pages_;
};

// Records that a source has in the log, over all of its streams.
std::uint64_t RecordsOf(const Registry& registry, std::string_view source);

}  // namespace headgate::web
