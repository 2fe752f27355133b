// Events of a binary log one after another, as in a file, with their checksums ignored.
#include <cstdint>
#include <cstring>
#include <string>

#include "connectors/mysql/binlog_event.h"
#include "connectors/mysql/table_map.h"
#include "core/base/check.h"
#include "tests/fuzz/input.h"

namespace headgate::mysql {
namespace {

void ParseBody(const Event& event) {
  std::string text;
  switch (event.type) {
    case EventType::kRotate:
      ParseRotate(event.body);
      break;
    case EventType::kQuery:
    case EventType::kQueryCompressed:
      ParseQuery(event, text);
      break;
    case EventType::kGtid:
    case EventType::kAnonymousGtid:
    case EventType::kGtidTagged:
      if (const auto head = ParseGtid(event); head && head->gtid) CHECK(!IdOf(*head->gtid).empty());
      break;
    case EventType::kPreviousGtids:
      if (const auto set = GtidSet::Decode(event.body); set.ok()) {
        const auto again = GtidSet::Parse(set->ToText());
        CHECK(again.ok() && *again == *set);
        CHECK(*GtidSet::Decode(set->Encode()) == *set);
      }
      break;
    case EventType::kMariadbGtid:
      ParseMariadbGtid(event);
      break;
    case EventType::kGtidList:
      if (const auto position = ParseGtidList(event.body))
        CHECK(*MariadbPosition::Parse(position->ToText()) == *position);
      break;
    case EventType::kXaPrepare:
      ParseXaPrepare(event.body);
      break;
    case EventType::kRowsQuery:
    case EventType::kAnnotateRows:
      ParseStatement(event);
      break;
    case EventType::kTransactionPayload:
      ParsePayload(event);
      break;
    case EventType::kTableMap:
      for (const Flavor flavor : {Flavor::kMysql, Flavor::kMariadb}) {
        if (const auto map = ParseTableMap(event.body, flavor)) {
          for (const std::size_t column : map->key) CHECK(column < map->columns.size());
        }
      }
      break;
    default:
      break;
  }
}

}  // namespace
}  // namespace headgate::mysql

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using headgate::mysql::Event;
  constexpr std::size_t kMagicBytes = 4;
  constexpr std::size_t kSizeAt = 9;
  const std::string_view bytes = headgate::fuzz::Bytes(data, size);
  headgate::mysql::EventReader reader(false);
  for (std::size_t at = kMagicBytes; at + Event::kHeaderBytes <= bytes.size();) {
    std::uint32_t length = 0;
    std::memcpy(&length, bytes.data() + at + kSizeAt, sizeof length);
    const std::string_view packet = bytes.substr(at, length);
    static_cast<void>(reader.Read(packet));
    const auto event = headgate::mysql::EventReader::ReadInner(packet);
    if (!event.ok()) break;
    headgate::mysql::ParseBody(*event);
    at += length;
  }
  return 0;
}
