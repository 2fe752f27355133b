#include "core/pipeline/ingest.h"

#include <utility>

#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "core/log/store.h"

namespace headgate {
namespace {

constexpr auto kTick = std::chrono::milliseconds(250);

void Trace(const std::string& name, const LogWriter::Outcome& outcome) {
  diag::Write(diag::Level::kTrace, "ingest", "appended",
              {{"connector", name},
               {"transactions", outcome.appended},
               {"duplicates", outcome.duplicates},
               {"last_seq", outcome.last_seq}});
}

bool IsWork(const SourceBatch& batch) { return !batch.transactions.empty() || batch.resume; }

}  // namespace

Status Ingest::Run(std::stop_token stop) {
  HG_ASSIGN_OR_RETURN(const auto writer, log_.OpenWriter(name_, source_id_, connector_));
  RecordedWriter recorded(*writer, events_);
  HG_RETURN_IF_ERROR(source_.Open(recorded, stop));
  opened_ = true;
  return source_.ReadsAhead() ? ReadAhead(recorded, stop) : ReadAndAppend(recorded, stop);
}

Status Ingest::ReadAndAppend(RecordedWriter& writer, std::stop_token stop) {
  SourceBatch batch;
  while (!stop.stop_requested()) {
    if (paused_) {
      HG_RETURN_IF_ERROR(WaitPaused(stop));
      continue;
    }
    batch.Clear();
    HG_RETURN_IF_ERROR(source_.Read(batch, stop));
    TellEvents(writer, batch);
    if (IsWork(batch)) HG_RETURN_IF_ERROR(AppendUntilDurable(writer, batch, stop));
    HG_RETURN_IF_ERROR(source_.Acknowledge());
  }
  return Stopped();
}

Status Ingest::ReadAhead(RecordedWriter& writer, std::stop_token stop) {
  const auto append = [&writer](Write& write, const Writing::Ask&, const std::stop_token&) {
    write.outcome.emplace(
        writer.Append(write.batch.transactions, write.batch.resume, StoreBatch(), write.batch.numbered));
    return Ok();
  };
  Writing writing(
      append, [] {}, [] {});
  while (!stop.stop_requested()) {
    if (paused_) {
      HG_RETURN_IF_ERROR(Finish(writing, writer, stop));
      HG_RETURN_IF_ERROR(WaitPaused(stop));
      continue;
    }
    Write write;
    auto read = source_.Read(write.batch, stop);
    HG_RETURN_IF_ERROR(Finish(writing, writer, stop));  // also in front of an error: it was read before that
    HG_RETURN_IF_ERROR(read);
    TellEvents(writer, write.batch);
    if (IsWork(write.batch)) {
      writing.Push(std::move(write));
    } else {
      HG_RETURN_IF_ERROR(source_.Acknowledge());
    }
  }
  return Stopped();
}

Status Ingest::Finish(Writing& writing, RecordedWriter& writer, std::stop_token stop) {
  while (writing.under_way() > 0) writing.WaitForNews();
  auto finished = writing.Pop();
  if (!finished) return Ok();
  Write& write = finished->job;
  HG_RETURN_IF_ERROR(AppendUntilDurable(writer, write.batch, stop, std::move(write.outcome)));
  return source_.Acknowledge();
}

void Ingest::TellEvents(RecordedWriter& writer, SourceBatch& batch) {
  for (ServiceEvent& event : batch.events) writer.Tell(std::move(event));
}

Status Ingest::WaitPaused(std::stop_token stop) {
  HG_RETURN_IF_ERROR(source_.KeepAlive());
  wake_.WaitUntil(std::chrono::steady_clock::now() + kTick, std::move(stop));
  return Ok();
}

// A full disk or a failing one is waited out: the source keeps its connection, nothing is confirmed.
Status Ingest::AppendUntilDurable(RecordedWriter& writer, const SourceBatch& batch, std::stop_token stop,
                                  std::optional<Outcome> first) {
  while (true) {
    auto outcome = first ? *std::exchange(first, std::nullopt)
                         : writer.Append(batch.transactions, batch.resume, StoreBatch(), batch.numbered);
    if (outcome.ok()) {
      HG_FAILPOINT("ingest.appended");
      if (!batch.transactions.empty()) progressed_ = true;
      if (std::exchange(told_, false)) diag::Info("ingest", "intake goes on", {{"connector", name_}});
      if (diag::Enabled(diag::Level::kTrace, "ingest")) Trace(name_, *outcome);
      return Ok();
    }
    if (outcome.error().kind != ErrorKind::kTransient) return std::move(outcome).error();
    if (!told_)
      diag::Error("ingest", "intake stopped: the log cannot be written",
                  {{"connector", name_}, {"error", outcome.error().what}});
    told_ = true;
    if (source_.GiveUp(outcome.error())) return Ok();
    for (int i = 0; i < 4; ++i) {
      HG_RETURN_IF_ERROR(source_.KeepAlive());
      wake_.WaitUntil(std::chrono::steady_clock::now() + kTick, stop);
      if (stop.stop_requested()) return Stopped();
    }
  }
}

}  // namespace headgate
