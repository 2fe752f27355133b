#include "sinks/table/writer.h"

#include "core/base/failpoint.h"

namespace headgate::table {

Writer::Writer(Target& target, std::function<void()> wake)
    : WriteThread(
          [&target, salvage = std::make_shared<Salvage>(target)](WriteJob& job, const Ask& ask,
                                                                 const std::stop_token&) -> Status {
            if (job.batch != nullptr) {
              std::vector<Refusal> refused;
              HG_RETURN_IF_ERROR(salvage->Write(*job.batch, refused));
              // What is rejected has to be kept elsewhere before anything is committed without it.
              if (!refused.empty()) {
                HG_FAILPOINT("table.refused");
                HG_RETURN_IF_ERROR(ask(std::move(refused)));
              }
              HG_FAILPOINT("table.written");
            }
            if (job.commit) {
              HG_RETURN_IF_ERROR(target.Commit(*job.commit));
              HG_FAILPOINT("table.committed");
            }
            return Ok();
          },
          std::move(wake), [&target] { target.Interrupt(); }) {}

}  // namespace headgate::table
