#include "core/pipeline/ingest.h"

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

}  // namespace

Status Ingest::Run(std::stop_token stop) {
  HG_ASSIGN_OR_RETURN(const auto writer, log_.OpenWriter(name_, source_id_, connector_));
  RecordedWriter recorded(*writer, events_);
  HG_RETURN_IF_ERROR(source_.Open(recorded, stop));
  opened_ = true;
  SourceBatch batch;
  while (!stop.stop_requested()) {
    if (paused_) {
      HG_RETURN_IF_ERROR(source_.KeepAlive());
      wake_.WaitUntil(std::chrono::steady_clock::now() + kTick, stop);
      continue;
    }
    batch.Clear();
    HG_RETURN_IF_ERROR(source_.Read(batch, stop));
    for (ServiceEvent& event : batch.events) recorded.Tell(std::move(event));
    if (!batch.transactions.empty() || batch.resume) HG_RETURN_IF_ERROR(AppendUntilDurable(recorded, batch, stop));
    HG_RETURN_IF_ERROR(source_.Acknowledge());
  }
  return Stopped();
}

// A full disk or a failing one is waited out: the source keeps its connection, nothing is confirmed.
Status Ingest::AppendUntilDurable(RecordedWriter& writer, const SourceBatch& batch, std::stop_token stop) {
  while (true) {
    auto outcome = writer.Append(batch.transactions, batch.resume, StoreBatch(), batch.numbered);
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
