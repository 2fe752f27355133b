#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace headgate::mysql {

// Who numbers transactions: a server, by its UUID, and a tag of MySQL 8.3 and up, "" for none.
struct GtidSource {
  std::array<unsigned char, 16> uuid{};
  std::string tag;
  auto operator<=>(const GtidSource&) const = default;
};

// The name of one transaction. As text: 3e11fa47-71ca-11e1-9e33-c80aa9429562:23, with a tag ...:tag:23.
struct Gtid {
  GtidSource source;
  std::uint64_t number = 0;  // from 1
  bool operator==(const Gtid&) const = default;
};
std::string ToText(const Gtid& gtid);
// The part of an event id (change-events contract, 2): 3e11fa47-...-23, with a tag ...-tag-23.
std::string IdOf(const Gtid& gtid);

// A set of transactions of MySQL. A value: exact, ordered by source, intervals as long as can be.
class GtidSet {
 public:
  // What is numbered from `first` to `last`, both included.
  struct Interval {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    bool operator==(const Interval&) const = default;
  };

  // As servers write it; also with blanks and line ends, in upper case, and with intervals in any order. Config error.
  static Result<GtidSet> Parse(std::string_view text);
  // From the form of PREVIOUS_GTIDS_LOG_EVENT. Corrupt.
  static Result<GtidSet> Decode(std::string_view bytes);
  // uuid:1-3:7:tag:1-5,uuid:1: as a server writes it, without its line ends.
  std::string ToText() const;
  // For COM_BINLOG_DUMP_GTID. Sets with tags have a form that servers before 8.3 do not read.
  std::string Encode() const;

  bool empty() const { return intervals_.empty(); }
  std::uint64_t count() const;
  bool Contains(const Gtid& gtid) const;
  bool Contains(const GtidSet& other) const;
  void Add(const Gtid& gtid) { Add(gtid.source, {gtid.number, gtid.number}); }
  void Add(const GtidSet& other);
  void Add(const GtidSource& source, Interval interval);
  void Subtract(const GtidSet& other);
  // What both have.
  GtidSet Common(const GtidSet& other) const;

  bool operator==(const GtidSet&) const = default;

 private:
  // Ascending, with gaps between them; of no source none.
  std::map<GtidSource, std::vector<Interval>> intervals_;
};

}  // namespace headgate::mysql
