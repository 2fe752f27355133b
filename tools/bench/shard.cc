#include "tools/bench/shard.h"

#include "core/base/clock.h"
#include "core/sql/statement.h"
#include "tools/bench/measure.h"

namespace headgate::bench {

Shard::Shard() : temporary_(std::make_unique<test::TempDir>("headgate-bench-")) {
  OpenLog(temporary_->path() + "/data");
}
Shard::Shard(const std::string& directory) { OpenLog(directory); }

void Shard::OpenLog(const std::string& directory) {
  store_ = Must(Store::Open(directory));
  log_ = Must(Log::Open(*store_, SystemClock()));
}

void Shard::Open(std::size_t memory_bytes) {
  views::Runtime::Parts parts;
  parts.store = store_.get();
  parts.log = log_.get();
  parts.clock = &SystemClock();
  parts.memory_bytes = memory_bytes;
  parts.read = [](std::string_view) { return false; };  // the views' streams
  views_ = Must(views::Views::Start(parts));
}

std::optional<std::string> Shard::Define(const std::string& text) {
  const auto statements = sql::ReadStatements(text);
  if (!statements.ok()) return statements.error().message;
  for (const sql::Statement& statement : *statements) {
    const auto made = views_->Create(statement, false, {});
    if (!made.ok()) return made.error().message;
  }
  const auto names = views_->names();
  for (const auto& [name, definition] : names->definitions) {
    if (definition->record.kind != views::ObjectKind::kView) continue;
    const auto runs = [&, view = name] {
      const auto status = views_->Status(view);
      return status != nullptr && status->state == "running";
    };
    if (!WaitUntil(runs, 60)) Must(Transient("the view did not begin"));
  }
  return std::nullopt;
}

bool Shard::Apply(double limit_seconds) {
  const auto ended = [&] { return views_->applied() >= log_->last_seq() || !views_->trouble().empty(); };
  const bool in_time = WaitUntil(ended, limit_seconds, 1);
  if (!views_->trouble().empty()) Must(Transient(views_->trouble()));
  return in_time;
}

}  // namespace headgate::bench
