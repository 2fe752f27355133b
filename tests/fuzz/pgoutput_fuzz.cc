// One CopyData frame of a replication stream: frame, message, relation, tuples.
#include "connectors/postgres/pgoutput.h"
#include "core/base/check.h"
#include "tests/fuzz/input.h"

namespace pgoutput = headgate::postgres::pgoutput;

namespace {

void WalkTuple(std::string_view tuple) {
  pgoutput::TupleReader reader(tuple);
  pgoutput::Field field;
  unsigned fields = 0;
  while (reader.Next(field)) ++fields;
  CHECK(fields <= reader.columns());
  CHECK(fields == reader.columns() || reader.failed());
}

void WalkMessage(std::string_view bytes) {
  pgoutput::Message message;
  pgoutput::Relation relation;
  if (pgoutput::ParseRelation(bytes, relation)) CHECK(relation.columns.size() <= bytes.size());
  if (!pgoutput::Parse(bytes, message)) return;
  CHECK(message.relations.size() <= bytes.size());
  WalkTuple(message.old_row);
  WalkTuple(message.new_row);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = headgate::fuzz::Bytes(data, size);
  pgoutput::Frame frame;
  if (pgoutput::ParseFrame(bytes, frame)) WalkMessage(frame.data);
  WalkMessage(bytes);
  WalkTuple(bytes);
  return 0;
}
