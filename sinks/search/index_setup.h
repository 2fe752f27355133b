#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "sinks/search/mapping.h"
#include "sinks/search/options.h"

namespace headgate::search {

struct Call {
  std::string method;
  std::string path;
  std::string body;  // JSON, or ""
};

// Whose documents an index holds (Q12): kept in its mapping.
struct Identity {
  std::string log_id;  // change numbers mean something only in this log
  std::string sink;
};

// Brings one alias to what the documents need, a call at a time (search.md Q7, Q12, Q21 to Q24). Knows no sockets.
//
//   kLook ─ missing ─► kCreate ─► kReady        kReady ─ Want: new fields ─► kExtend ─► kReady
//     └── there ─► its fields are enough ─► kReady, else kExtend
class IndexSetup {
 public:
  // Both must outlive it.
  IndexSetup(const Options& options, const Identity& identity, std::string alias)
      : options_(options), identity_(identity), alias_(std::move(alias)) {}

  const std::string& alias() const { return alias_; }
  // Documents will have these fields too. kConfig if one of them has another type already (Q23).
  Status Want(const std::vector<Field>& fields);
  bool ready() const { return step_ == Step::kReady; }
  Call Next();  // while it is not ready
  // kConfig: a person has to change something; kTransient: the same call again.
  Status Answered(int status, std::string_view body);

 private:
  enum class Step : std::uint8_t { kLook, kCreate, kExtend, kReady };
  struct Known {
    std::string type;
    std::string mapping;
  };

  Status Found(std::string_view body);
  Status Settle();  // the next step after what the index has is known
  Error Refused(std::string_view what, int status, std::string_view body) const;

  const Options& options_;
  const Identity& identity_;
  const std::string alias_;
  Step step_ = Step::kLook;
  std::string index_;  // behind the alias
  std::map<std::string, Known> wanted_;
  std::map<std::string, std::string> has_;    // type by field
  std::map<std::string, std::string> asked_;  // of the call under way: more may be wanted meanwhile
};

}  // namespace headgate::search
