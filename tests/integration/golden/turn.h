#pragma once

#include <stop_token>

#include "core/log/log.h"
#include "core/pipeline/source.h"

namespace headgate::test {

// One turn of the ingest loop, by hand. Corrupt if the source gives a transaction again.
inline Status Turn(Source& source, LogWriter& writer, const std::stop_token& stop) {
  SourceBatch batch;
  HG_RETURN_IF_ERROR(source.Read(batch, stop));
  if (!batch.transactions.empty() || batch.resume) {
    HG_ASSIGN_OR_RETURN(const LogWriter::Outcome appended, writer.Append(batch.transactions, batch.resume));
    if (appended.duplicates != 0) return Corrupt("the source gave a transaction twice");
  }
  return source.Acknowledge();
}

}  // namespace headgate::test
