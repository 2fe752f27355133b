#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "connectors/mysql/binlog_event.h"
#include "connectors/mysql/table_map.h"

namespace headgate::mysql::test {

// A binary log of a real server, made by binlogs/capture.sh.
class Captured {
 public:
  Captured(const std::string& name, Flavor server) : flavor(server) {
    std::ifstream in(std::string(HG_BINLOGS) + "/" + name + ".bin", std::ios::binary);
    EXPECT_TRUE(in.is_open()) << name;
    std::stringstream all;
    all << in.rdbuf();
    bytes_ = all.str();
    for (std::size_t at = kMagicBytes; at + Event::kHeaderBytes <= bytes_.size();) {
      constexpr std::size_t kSizeAt = 9;
      std::uint32_t size = 0;
      std::memcpy(&size, bytes_.data() + at + kSizeAt, sizeof size);
      packets.push_back(std::string_view(bytes_).substr(at, size));
      at += size;
    }
    EventReader reader(false);
    for (const std::string_view packet : packets) {
      const auto event = reader.Read(packet);
      EXPECT_TRUE(event.ok()) << name << ": " << event.error().what;
      if (event.ok()) events.push_back(*event);
    }
    server_version = reader.server_version();
  }
  Captured(const Captured&) = delete;

  Flavor flavor;
  std::vector<std::string_view> packets;  // as they stand in the file
  std::vector<Event> events;
  std::string server_version;

  std::vector<Event> Of(EventType type) const {
    std::vector<Event> found;
    for (const Event& event : events) {
      if (event.type == type) found.push_back(event);
    }
    return found;
  }
  // The first of this table.
  TableMap Map(const std::string& table) const {
    for (const Event& event : Of(EventType::kTableMap)) {
      const auto map = ParseTableMap(event.body, flavor);
      EXPECT_TRUE(map.has_value());
      if (map && map->table == table) return *map;
    }
    ADD_FAILURE() << "no table map of " << table;
    return {};
  }

 private:
  static constexpr std::size_t kMagicBytes = 4;
  std::string bytes_;
};

// An event behind its first bytes, in pieces.
class Pieces final : public EventRest {
 public:
  Pieces(std::string_view rest, std::size_t piece) : rest_(rest), piece_(piece) {}
  Result<std::string_view> More() override {
    const std::string_view next = rest_.substr(0, piece_);
    rest_.remove_prefix(next.size());
    return next;
  }

 private:
  std::string_view rest_;
  const std::size_t piece_;
};

}  // namespace headgate::mysql::test
