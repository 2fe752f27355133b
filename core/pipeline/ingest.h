#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <variant>

#include "core/base/result.h"
#include "core/base/signal.h"
#include "core/log/log.h"
#include "core/pipeline/recorded_writer.h"
#include "core/pipeline/source.h"
#include "core/pipeline/write_thread.h"

namespace headgate {

// The loop of one source: read what has arrived, append it in one synced write, let the server forget it. One append
// covers everything that arrived while the one before it was being synced (group commit). What a source that reads
// ahead gave is written on a thread of its own, one batch at a time, while the next is read.
class Ingest {
 public:
  // All must outlive the loop.
  Ingest(Log& log, Events& events, Source& source, std::string name, std::string source_id, std::string connector)
      : log_(log),
        events_(events),
        source_(source),
        name_(std::move(name)),
        source_id_(std::move(source_id)),
        connector_(std::move(connector)) {}

  // Runs on the source's thread until stop (kStopped) or an error that the supervisor has to deal with.
  Status Run(std::stop_token stop);

  // Any thread.
  void SetPaused(bool paused) {
    paused_ = paused;
    wake_.Raise();
  }
  // True once Open has succeeded.
  bool opened() const { return opened_; }
  // True once something was made durable.
  bool progressed() const { return progressed_; }

 private:
  using Outcome = Result<LogWriter::Outcome>;
  struct Write {
    SourceBatch batch;
    std::optional<Outcome> outcome = {};
  };
  using Writing = WriteThread<Write, std::monostate>;

  Status ReadAndAppend(RecordedWriter& writer, std::stop_token stop);
  Status ReadAhead(RecordedWriter& writer, std::stop_token stop);
  // Until nothing is being written. What could not be is tried again on this thread.
  Status Finish(Writing& writing, RecordedWriter& writer, std::stop_token stop);
  void TellEvents(RecordedWriter& writer, SourceBatch& batch);
  Status WaitPaused(std::stop_token stop);
  // `first`: what came of an attempt before.
  Status AppendUntilDurable(RecordedWriter& writer, const SourceBatch& batch, std::stop_token stop,
                            std::optional<Outcome> first = {});

  Log& log_;
  Events& events_;
  Source& source_;
  const std::string name_;
  const std::string source_id_;
  const std::string connector_;
  std::atomic<bool> paused_ = false;
  std::atomic<bool> opened_ = false;
  std::atomic<bool> progressed_ = false;
  bool told_ = false;  // that the log cannot be written
  Signal wake_;
};

}  // namespace headgate
