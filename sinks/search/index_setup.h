#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "sinks/search/call.h"
#include "sinks/search/mapping.h"
#include "sinks/search/options.h"

namespace headgate::search {

// Whose documents an index holds (Q12): kept in its mapping.
struct Identity {
  std::string log_id;  // change numbers mean something only in this log
  std::string sink;
};

// Settings of an index, a JSON object, with their whole names: {"index.number_of_shards":3}.
std::string FlatSettings(std::string_view settings);

// The index that stands behind an alias if it has to be made.
struct Generation {
  std::string index;  // "": <alias>-v1
  unsigned number = 1;
  std::string rebuild;   // that it belongs to (Q29, Q30); "": to none
  bool may_make = true;  // else one that is missing is an error
};

// Brings one alias to what the documents of one stream need, a call at a time (search.md Q7, Q12, Q21 to Q24). Knows no
// sockets.
//
//   kLook ─ missing ─► kCreate ─► kReady        kReady ─ Want: new fields ─► kExtend ─► kReady
//     └── there ─► its fields are enough ─► kReady, else kExtend
//
// With manage_index=false it only looks.
class IndexSetup {
 public:
  // Options and identity must outlive it.
  IndexSetup(const Options& options, const Identity& identity, std::string alias, std::string stream,
             Generation generation = {})
      : options_(options),
        identity_(identity),
        alias_(std::move(alias)),
        stream_(std::move(stream)),
        generation_(std::move(generation)) {
    if (generation_.index.empty()) generation_.index = alias_ + "-v1";
  }

  const std::string& alias() const { return alias_; }
  const std::string& stream() const { return stream_; }
  // Documents will be like this too. kConfig if one of the fields has another type already (Q23), if there are too many
  // (Q24), or if ids would be made of other columns.
  Status Want(const Layout& layout);
  // Why the index takes no documents of this shape any more, if another one is to take its place for that
  // (on_schema_change=rebuild); it counts as ready then.
  const std::string& conflict() const { return conflict_; }
  // Documents of an older shape may come too: fields keep the type that they have.
  void WantOlder(const Layout& layout);
  bool ready() const { return step_ == Step::kReady; }
  // The alias stands for the other's index from now on, which has that one's fields.
  void TakeOver(const IndexSetup& other);
  Call Next();  // while it is not ready
  // kConfig: a person has to change something; kTransient: the same call again.
  Status Answered(int status, std::string_view body);

 private:
  enum class Step : std::uint8_t { kLook, kCreate, kExtend, kReady };

  std::string CreationBody(std::string_view properties) const;
  Status Conflict(std::string text);
  Status Found(std::string_view body);
  Status CheckIdentity(std::string_view meta) const;
  Status Settle();  // the next step after what the index has is known
  Status CheckLimit() const;
  bool IsThereAlready(std::string_view body);
  FieldOverride Asked(const FieldOverride& wanted) const;
  bool TookInstead(std::string_view body);
  Error Refused(std::string_view what, int status, std::string_view body) const;

  const Options& options_;
  const Identity& identity_;
  const std::string alias_;
  const std::string stream_;
  Generation generation_;
  Step step_ = Step::kLook;
  int found_late_ = 0;
  std::string index_;                            // behind the alias
  std::vector<std::string> key_;                 // columns of the id; none while only letters are known
  std::map<std::string, FieldOverride> wanted_;  // by field
  std::map<std::string, std::string> has_;       // type by field
  std::map<std::string, std::string> asked_;     // of the call under way: more may be wanted meanwhile
  std::set<std::string> unknown_types_;          // to this server
  std::string conflict_;
  std::size_t field_count_ = 0;  // of what it has, as the server counts
  std::size_t field_limit_ = 0;
};

}  // namespace headgate::search
