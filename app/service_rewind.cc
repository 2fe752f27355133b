// Sinks set to another place of the log.
#include <algorithm>

#include "app/plugins.h"
#include "app/service.h"

namespace headgate {
namespace {

constexpr std::chrono::seconds kCountFor{10};

Refusal RefusalOf(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kConfig:
      return {422, error.what, {}};
    case ErrorKind::kTransient:
      return {503, error.what, {}};
    default:
      return Failed(error);
  }
}

}  // namespace

Answer<RewindCount> Service::CountRewind(const std::string& sink, const Rewind& rewind, std::stop_token stop) const {
  const auto record = catalog_->Find(sink);
  if (record == nullptr) return Refusal{404, "Connector " + sink + " not found", {}};
  const auto outcome = config::Bind(*FindPlugin(record->class_name), record->config, nullptr);
  const auto topics = TopicFilter::Make(outcome.bound.List("topics"), outcome.bound.Text("topics.regex"));
  if (!topics.ok()) return RefusalOf(topics.error());
  auto stand = ReadStand(*store_, *log_, sink);
  if (!stand.ok()) return RefusalOf(stand.error());
  // Of one that runs the stored cursor is some moments old.
  if (const auto status = supervisor_->Status(sink); status != nullptr && status->place)
    stand->cursor = std::max(stand->cursor, status->place->cursor);
  if (stand->cursor >= stand->replays.until) stand->replays = {};
  auto count = headgate::CountRewind(rewind, *stand, sink, *topics, *store_, *log_, kCountFor, std::move(stop));
  if (!count.ok()) return RefusalOf(count.error());
  return *count;
}

void Service::SetBack(const std::string& sink, Rewind rewind, const Caller& caller,
                      std::function<void(Answer<Rewound>)> done) {
  supervisor_->SetBack(sink, std::move(rewind), caller, [this, done = std::move(done)](Result<Rewound> rewound) {
    if (!rewound.ok()) return done(RefusalOf(rewound.error()));
    Wake();
    done(*rewound);
  });
}

}  // namespace headgate
