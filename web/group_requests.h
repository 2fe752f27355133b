#pragma once

#include <string>
#include <vector>

#include "core/pipeline/group_desk.h"
#include "web/http.h"

// Bodies of requests to consumer groups. Pure. `at` becomes the JSON pointer of what is wrong.
namespace headgate::web {

// {"start"?,...GroupSettings}; what is left out is as by default.
struct GroupWanted {
  GroupSettings settings;
  std::string start = "beginning";
};
Result<GroupWanted> ReadGroupWanted(const Request& request, std::string& at);

// {"consumer","max"?,"wait_ms"?}: all of Poll but the name.
Result<GroupDesk::Poll> ReadPoll(const Request& request, std::string& at);

// {"deliveries":[...],"delay_ms"?}; the delay of a nack alone.
struct DeliveriesSettled {
  std::vector<std::string> tokens;
  std::chrono::milliseconds delay{0};
};
Result<DeliveriesSettled> ReadDeliveries(const Request& request, bool with_delay, std::string& at);

// {"to":place}
Result<std::string> ReadSeek(const Request& request, std::string& at);

}  // namespace headgate::web
