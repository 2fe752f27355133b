// Answers of a search server, and the lines that a dead letter keeps: the first byte chooses what is answered. Whatever
// comes back, nothing is done that was not told, and no text ends the process.
#include <algorithm>

#include "core/base/check.h"
#include "sinks/search/bulk.h"
#include "sinks/search/index_setup.h"
#include "sinks/search/rebuild.h"
#include "sinks/search/server.h"
#include "sinks/search/truncation.h"
#include "tests/fuzz/input.h"

namespace headgate::search {
namespace {

// How many items there are is only known by trying.
void FuzzBulk(std::string_view body) {
  int fits = 0;
  for (std::size_t items = 0; items < 5; ++items) {
    const auto results = ParseBulk(body, items);
    if (!results) continue;
    CHECK(results->size() == items);
    ++fits;
    for (const ItemResult& result : *results) static_cast<void>(JudgeItem(result));
  }
  CHECK(fits <= 1);
  for (const int status : {200, 400, 403, 413, 429, 503}) static_cast<void>(JudgeRequest(status, body));
}

void FuzzLetter(std::string_view lines) {
  const auto write = ReadWrite(lines);
  if (!write) return;
  std::string again;
  AppendWrite(again, write->alias, write->version, write->document);
  const auto read = ReadWrite(again);
  CHECK(read && read->alias == write->alias && read->version == write->version);
  CHECK(read->document.id == write->document.id && read->document.source == write->document.source);
}

void FuzzIndex(std::string_view body, int status) {
  const Options options;
  const Identity identity{"log", "docs"};
  IndexSetup setup(options, identity, "orders", "shop.public.orders");
  Layout layout;
  layout.key_names = {"id"};
  Field& field = layout.fields.emplace_back();
  field.name = "id";
  field.type = "unsigned_long";
  field.mapping = R"({"type":"unsigned_long"})";
  CHECK(setup.Want(layout).ok());
  for (int i = 0; i < 4 && !setup.ready(); ++i) {
    CHECK(!setup.Next().method.empty());
    if (!setup.Answered(status, body).ok()) break;
  }
}

void FuzzTruncation(std::string_view body, bool soft) {
  Options options;
  options.soft_delete = soft;
  Truncation truncation(options, "orders", 7, 0);
  for (int i = 0; i < 8 && !truncation.done(); ++i) {
    const Call call = truncation.Next();
    if (!truncation.Answered({200, body, "", {}}).ok()) break;
  }
}

// A rebuild in some phase; each line answers a call. What it deletes is a generation of its alias, or has its tag.
void FuzzRebuild(std::string_view text) {
  const Options options;
  const Identity identity{"log", "docs"};
  Rebuild rebuild(options, identity, SystemClock());
  rebuild.SetProduct(Product::kOpenSearch);
  RebuildPlan plan;
  plan.run = 1;
  plan.tag = "1-1";
  plan.phase = static_cast<RebuildPhase>(1 + fuzz::Choose(text, 8));
  plan.notes = R"({"orders":{"new":"orders-v2","old":"orders-v1"}})";
  RebuildStream& stream = plan.streams.emplace_back();
  stream.stream = {1, "shop.public.orders", 1, "public", "orders"};
  Column& column = stream.schema.columns.emplace_back();
  column.name = "id";
  column.type.kind = TypeKind::kInt64;
  column.key_position = 1;
  const RebuildPhase phase = plan.phase;
  rebuild.Take(std::move(plan));
  if (phase == RebuildPhase::kCompare) rebuild.Count("shop.public.orders");
  const int status = fuzz::Choose(text, 4) == 0 ? 404 : 200;
  for (int i = 0; i < 12; ++i) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (IndexSetup* const next = rebuild.Unready()) {
      static_cast<void>(next->Next());
      static_cast<void>(rebuild.SetUp(1, "orders--next", {status, line, "", {}}));
      continue;
    }
    const auto call = rebuild.NextCall(true);
    if (!call) continue;
    CHECK(call->path.starts_with('/'));
    if (call->method == "DELETE" && phase == RebuildPhase::kCreate) CHECK(call->path.starts_with("/orders-v"));
    if (call->method == "DELETE" && phase == RebuildPhase::kRetire) CHECK(call->path == "/orders-v1");
    rebuild.Answered({status, line, "", {}});
  }
  CHECK(rebuild.told().phase >= phase);
}

}  // namespace
}  // namespace headgate::search

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate::search;
  std::string_view text = headgate::fuzz::Bytes(data, size);
  switch (headgate::fuzz::Choose(text, 8)) {
    case 0:
      FuzzBulk(text);
      break;
    case 1:
      FuzzLetter(text);
      break;
    case 2:
      FuzzIndex(text, 200);
      break;
    case 3:
      FuzzIndex(text, 400);
      break;
    case 4:
      FuzzTruncation(text, false);
      break;
    case 5:
      FuzzTruncation(text, true);
      break;
    case 7:
      FuzzRebuild(text);
      break;
    default:
      static_cast<void>(ReadServer({200, text, "", {}}));
      static_cast<void>(ReadServer({405, "", text, {}}));
  }
  return 0;
}
